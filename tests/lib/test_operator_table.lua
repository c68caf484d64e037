-- test_operator_table: every function of torch that is no operator of the table of tests/operators stands in
-- the list of others; entries are complete.
local torch = require "torch"
local operators = dofile "tests/operators/init.lua"
local others = dofile "tests/operators/others.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

local fields = {}
for name in ([[name label inputs call plain types result peer derivative why fits elementwise scalar empty
  into inplace method least distinct loose plainly]]):gmatch("%S+") do fields[name] = true end

local entries = {}
for _, entry in ipairs(operators) do entries[entry.name] = true end

-- The names of the public functions in torch and in the tables of operators in it.
local function functions()
  local found = {}
  local function walk(group, prefix)
    for name, value in pairs(group) do
      if type(value) == "function" and not name:find("^_") then found[#found + 1] = prefix .. name end
    end
  end
  walk(torch, "")
  walk(torch.fft, "fft.")
  walk(torch.complex, "complex.")
  table.sort(found)
  return found
end

function tests.all_functions_are_known()
  local found = functions()
  tester:assert(#found > 400, "functions are missing")
  for _, name in ipairs(found) do
    tester:assert(entries[name] or others[name] ~= nil, "torch." .. name
      .. " has no entry in tests/operators; give it one, or name it in others.lua")
  end
end

function tests.others_are_functions_without_an_entry()
  local found = {}
  for _, name in ipairs(functions()) do found[name] = true end
  for name in pairs(others) do
    tester:assert(found[name] == true, "others.lua names torch." .. name .. ", which is no function")
    tester:assert(not entries[name], "others.lua names torch." .. name .. ", which has an entry")
  end
end

local derivatives = { first = true, symmetric = true, [true] = true, [false] = true }

function tests.entries_are_complete()
  local types = { all = true, number = true, float = true, int = true, wide = true }
  for _, entry in ipairs(operators) do
    for field in pairs(entry) do
      tester:assert(fields[field] == true, entry.label .. ": there is no field " .. field)
    end
    tester:assert(type(entry.plain) == "function" and type(entry.call) == "function",
      entry.label .. " lacks a plain reference, or its function")
    tester:assert(types[entry.types] == true, entry.label .. ": types " .. tostring(entry.types))
    tester:assert(entry.derivative == nil or derivatives[entry.derivative] == true,
      entry.label .. ": derivative " .. tostring(entry.derivative))
    tester:assert(entry.why == nil or entry.derivative == false, entry.label .. ": a reason for nothing")
  end
end

tester:add(tests):run()
