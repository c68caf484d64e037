-- compare: runs a list of expressions and compares what they give with known values.
--
-- Each case is { expression, "2x3: 1 2 3 4 5 6", .. }: the shape and the elements in order of each result
-- ("" for a number).  Expressions see the inputs and torch.

local torch = require "torch"

local special = { nan = 0 / 0, inf = math.huge, ["-inf"] = -math.huge }

local function numbers(text)
  local list = {}
  for word in text:gmatch("%S+") do list[#list + 1] = special[word] or tonumber(word) end
  return list
end

local function flat(value, list)
  if type(value) == "table" then
    for _, v in ipairs(value) do flat(v, list) end
  else
    list[#list + 1] = value == true and 1 or value == false and 0 or value
  end
  return list
end

local function close(x, y)
  if x ~= x or y ~= y then return x ~= x and y ~= y end
  return x == y or math.abs(x - y) <= 2e-6 * (1 + math.abs(y))
end

local function compare(got, wanted)
  local shape, elements = wanted:match("^([^:]*):(.*)$")
  local have = torch.isTensor(got) and table.concat(got.shape, "x") or ""
  if have ~= shape then return ("shape '%s', wanted '%s'"):format(have, shape) end
  local list, want = flat(torch.isTensor(got) and got:totable() or got, {}), numbers(elements)
  if #list ~= #want then return ("%d elements, wanted %d"):format(#list, #want) end
  for i, y in ipairs(want) do
    if not close(list[i], y) then return ("element %d is %s, wanted %s"):format(i, list[i], y) end
  end
end

return function(inputs, cases)
  local tester, tests = torch.Tester(), torch.TestSuite()
  inputs.torch, inputs.math = torch, math
  local seen = {}
  for _, case in ipairs(cases) do
    local name = case[1]:match("^torch%.(%w+)") or case[1]:match(":(%w+)") or "index"
    seen[name] = (seen[name] or 0) + 1
    tests[("%s_%d"):format(name, seen[name])] = function()
      local results = { assert(load("return " .. case[1], "=case", "t", inputs))() }
      tester:eq(#results, #case - 1, case[1] .. ": number of results")
      for i = 1, #case - 1 do
        local why = compare(results[i], case[i + 1])
        tester:assert(why == nil, ("%s, result %d: %s"):format(case[1], i, tostring(why)))
      end
    end
  end
  tester:add(tests)
  tester:run()
end
