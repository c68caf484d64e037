-- operators: a table of every operator of the tensor library, which several tests walk: against a plain
-- reference on every type and layout, derivatives against differences, results against PyTorch's.
--
-- An entry:
--   name       of the function in `torch` ("fft.rfft" in a table of it); `label` tells entries of one name
--              apart
--   inputs     a list of shapes as letters, one a dimension ("ab", "bc", "" for a scalar), or tables
--                {"ab", lo =, hi =}    numbers from lo to hi (-3 to 3)
--                {"ab", index = "b"}   a LongTensor of places 1 to b
--                {"ab", long = true}   a LongTensor
--                {"ab", mask = true}   a BoolTensor
--                {"ab", whole = true}  whole numbers;  nan = true: some are NaN, of float types
--                {"ab", sorted = true} whole numbers that ascend along the last dimension
--                {"aa", positive = true}  a positive definite matrix; regular = true: far from singular
--   call       function(x, ..) -> results, tensors, numbers or tables of them; by default torch[name](x, ..)
--   plain      function(x, ..) -> as many plain arrays
--   types      "all", "number" (no bool), "float", "int" or "wide" (float32 and float64)
--   result     type of the (first) result: a name, "same" (as the first input) or "float" (integers give
--              the default float type); nothing: not looked at
--   peer       the same in PyTorch: an expression of a, b, .. and of the sizes A, B, .. of the letters;
--              fl(a) makes floats of integers, w(a) longs, Z(a) complex numbers of pairs, P(z) pairs
--   derivative false where there is none: the results are integers or bools, or piecewise constant, or
--              `why` says it;  "first" where there is only the first;  "symmetric": of symmetric matrices
--   fits       function(x, ..) -> whether inputs keep away from jumps, for derivatives
--   scalar     false: takes no zero-dimensional input;  empty = false: takes no empty input
--   into       false: no result tensor may come first
--   inplace    true: x:name(..) writes the result into x
--   method     true: x:name(..) gives the same result
--   least      how large the sizes of letters must be
--   distinct   true: the elements of the first input are all different
--   loose      how many times the usual tolerance is allowed
local torch = require "torch"
local plain = dofile "tests/operators/plain.lua"

local list, names = {}, {}

local function find(name)
  local f = torch
  for part in name:gmatch("[^.]+") do f = f and f[part] end
  return f
end

local function add(entry)
  entry.label = entry.label or entry.name
  assert(not names[entry.label], "two entries named " .. entry.label)
  names[entry.label] = true
  entry.plainly = not entry.call -- the inputs are the arguments
  for i, input in ipairs(entry.inputs) do
    if type(input) == "string" then entry.inputs[i] = { input } end
  end
  entry.types = entry.types or "number"
  entry.call = entry.call or find(entry.name)
  list[#list + 1] = entry
end

for _, file in ipairs { "elementwise", "special", "bounds", "reduction", "statistics", "quantile", "shape",
  "rearrange", "join", "index", "places", "sets", "product", "contraction", "linalg", "complex", "fourier",
  "spectral" } do
  dofile("tests/operators/" .. file .. ".lua")(add, plain)
end

return list
