-- operators: a table of every operator of the tensor library, which several tests walk: against a plain
-- reference on every type and layout, derivatives against differences, results against PyTorch's.
--
-- An entry:
--   name       of the function in `torch`; `label` tells entries of one name apart
--   inputs     a list of shapes as letters, one a dimension ("ab", "bc", "" for a scalar), or tables
--                {"ab", lo =, hi =}    numbers from lo to hi (-3 to 3)
--                {"ab", index = "b"}   a LongTensor of places 1 to b
--                {"ab", mask = true}   a BoolTensor
--                {"aa", positive = true}  a positive definite matrix; regular = true: far from singular
--   call       function(x, ..) -> results; by default torch[name](x, ..)
--   plain      function(x, ..) -> as many plain arrays
--   types      "all", "number" (no bool), "float", "int" or "wide" (float32 and float64)
--   result     type of the (first) result: a name, "same" (as the first input) or "float" (integers give
--              the default float type); nothing: not looked at
--   peer       the same in PyTorch: an expression of a, b, .. and of the sizes A, B, .. of the letters;
--              fl(a) makes floats of integers
--   derivative false where there is none; "first" where there is only the first
--   scalar     false: takes no zero-dimensional input;  empty = false: takes no empty input
--   into       false: no result tensor may come first
--   inplace    true: x:name(..) writes the result into x
--   distinct   true: the elements of the first input are all different
--   loose      how many times the usual tolerance is allowed
local plain = dofile "tests/operators/plain.lua"

local list, names = {}, {}

local function add(entry)
  entry.label = entry.label or entry.name
  assert(not names[entry.label], "two entries named " .. entry.label)
  names[entry.label] = true
  for i, input in ipairs(entry.inputs) do
    if type(input) == "string" then entry.inputs[i] = { input } end
  end
  entry.types = entry.types or "number"
  list[#list + 1] = entry
end

for _, file in ipairs { "elementwise", "reduction", "shape", "index", "product", "linalg" } do
  dofile("tests/operators/" .. file .. ".lua")(add, plain)
end

return list
