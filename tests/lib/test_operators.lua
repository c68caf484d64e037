-- test_operators: every operator over types and layouts against a plain reference: the table of
-- tests/operators.  On the device that TEST_DEVICE names; the reference is computed in Lua.
local torch = require "torch"
local plain = dofile "tests/operators/plain.lua"
local inputs = dofile "tests/operators/inputs.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()
local cases = 0

local precision = { float32 = 2e-6, float64 = 1e-12, float16 = 2e-3, bfloat16 = 1.6e-2 }

-- The low bits of v, as an integer type keeps them.
local bits = { int8 = 8, uint8 = 8, int16 = 16, int32 = 32 }

local function as_element(dtype, v)
  if dtype == "bool" then return v == true or (v ~= false and v ~= 0) end
  if v == true then return 1 elseif v == false then return 0 end
  if not bits[dtype] or math.type(v) ~= "integer" then return v end
  v = v % (1 << bits[dtype])
  if dtype ~= "uint8" and v >= 1 << (bits[dtype] - 1) then v = v - (1 << bits[dtype]) end
  return v
end

-- What is wrong with a result, or nil.
local function difference(got, want, eps)
  if not torch.isTensor(got) then return "not a tensor: " .. tostring(got) end
  local shape = got.shape
  if #got.shape == 1 and got:nElement() == 0 and #want == 0 then shape = want.shape end
  if table.concat(shape, "x") ~= table.concat(want.shape, "x") then
    return ("shape %s, wanted %s"):format(table.concat(shape, "x"), table.concat(want.shape, "x"))
  end
  local elements = plain.from(got)
  for i = 1, #want do
    local g, w = elements[i], as_element(got.dtype, want[i])
    local same = g == w or (g ~= g and w ~= w)
    if not same and type(g) == "number" and type(w) == "number" then
      same = math.abs(g - w) <= eps * (1 + math.abs(w))
    end
    if not same then return ("element %d is %s, wanted %s"):format(i, g, w) end
  end
end

local function expected_type(entry, dtype)
  if entry.result == "same" then return dtype end
  if entry.result == "float" then return precision[dtype] and dtype or "float32" end
  return entry.result or nil
end

local function check(what, got, want, eps)
  cases = cases + 1
  local wrong = #got < #want and ("%d results, wanted %d"):format(#got, #want) or nil
  for i, w in ipairs(want) do
    wrong = wrong or difference(got[i], w, eps)
  end
  tester:assert(wrong == nil, what .. ": " .. tostring(wrong))
end

-- Into a result tensor of another layout, and in place.
local function check_other_forms(entry, what, args, want, first, eps)
  if entry.into ~= false and entry.plainly then
    local place = torch.zeros(2, 3, first.dtype):to(first.device):t()
    entry.call(place, table.unpack(args))
    check(what .. ", into a result", { place }, want, eps)
  end
  if entry.method then
    local x = args[1]
    check(what .. ", as a method", inputs.tensors(x[entry.name](table.unpack(args))), want, eps)
  end
  local own_type = first.dtype == args[1].dtype
  local own_shape = table.concat(first.shape, "x") == table.concat(args[1].shape, "x")
  if entry.inplace and own_type and own_shape then
    local x = args[1]:clone()
    local y = x[entry.name](x, table.unpack(args, 2))
    tester:assert(torch.isequal(x, y), what .. ", in place: another tensor came back")
    check(what .. ", in place", { x }, want, eps)
    if #args == 1 then
      local z = args[1]:clone():zero()
      z[entry.name](z, args[1])
      check(what .. ", a method with its source", { z }, want, eps)
    end
  end
end

local function run(entry, dtype, layout)
  local args = inputs.make(entry, dtype, layout)
  if not args then return end
  local what = ("%s %s %s"):format(entry.label, dtype, layout)
  local plains = {}
  for i, x in ipairs(args) do plains[i], args[i] = plain.from(x), inputs.placed(x) end
  local raw = table.pack(inputs.call(entry.call, table.unpack(args)))
  if not raw[1] then return tester:assert(false, what .. ": " .. tostring(raw[2])) end
  local got = inputs.tensors(table.unpack(raw, 2, raw.n))
  local want = { entry.plain(table.unpack(plains)) }
  local first = got[1]
  local eps = (precision[first.dtype] or 0) * (entry.loose or 1)
  -- Numbers do not say which type they were computed in: integers are taken as float32.
  eps = math.max(eps, (precision[dtype] or eps > 0 and precision.float32 or 0) * (entry.loose or 1))
  check(what, got, want, eps)
  local type_wanted = expected_type(entry, dtype)
  if type_wanted and type(raw[2]) ~= "number" then
    tester:eq(first.dtype, type_wanted, what .. ": its type")
  end
  local ok, why = inputs.call(check_other_forms, entry, what, args, want, first, eps)
  tester:assert(ok, what .. ", other forms: " .. tostring(why))
end

for _, entry in ipairs(dofile "tests/operators/init.lua") do
  tests[entry.label] = function()
    for _, dtype in ipairs(inputs.types[entry.types]) do
      for _, layout in ipairs(inputs.layouts) do run(entry, dtype, layout) end
    end
  end
end

tester:add(tests):run()
assert(cases >= 6000, ("only %d cases"):format(cases))
