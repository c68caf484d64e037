-- test_torch7_models: models from Torch7's files, whose modules have the fields that Torch7 gave them and no
-- others: golden/torch7_fields.txt, the names that Torch7's constructors set.
local torch = require "torch"
local nn = require "nn"
local paths = require "paths"

local tester = torch.Tester()
local tests = torch.TestSuite()

local fields = {}
for line in io.lines "tests/nn/golden/torch7_fields.txt" do
  local name, rest = line:match "^(%S+) (.*)$"
  fields[name] = {}
  rest = rest .. " _type gradInput output modules train"
  for field in rest:gmatch "%S+" do fields[name][field] = true end
end

-- MapTable keeps its module in `module` by its method add.  Padding is what we added.
fields["nn.MapTable"].module = true
for _, field in ipairs { "padT", "padW", "padH" } do fields["nn.VolumetricAveragePooling"][field] = true end

-- nn.utils.weightNorm and spectralNorm are not Torch7's.
local function ours(case)
  return case[1]:find "[wW]eightNorm" or case[1]:find "spectralNorm"
end

local function as_from_torch7(m)
  m:apply(function(inner)
    local known = fields[torch.typename(inner)]
    for key in pairs(inner) do
      if known and not known[key] then rawset(inner, key, nil) end
    end
  end)
  return m
end

local function same(a, b)
  a, b = nn.tape.flatten(a), nn.tape.flatten(b)
  for i = 1, #a do
    if not torch.equal(a[i], b[i]) then return false end
  end
  return #a == #b
end

local function check(case)
  local make, input = case.make or case[2], case.input or case[3]
  local function made()
    torch.manualSeed(5)
    return make():double()
  end
  local m = made()
  if not fields[torch.typename(m)] or ours(case) then return end
  local x = type(input) == "function" and input() or torch.randn(table.unpack(input)):double()
  local old = as_from_torch7(made())
  tester:eq(tostring(old), tostring(m), case[1])
  torch.manualSeed(9)
  local y = m:forward(x)
  torch.manualSeed(9)
  tester:assert(same(old:forward(x), y), case[1])
end

function tests.they_run()
  local count = 0
  for name in paths.files "tests/nn/cases" do
    for _, case in ipairs(name:find "%.lua$" and dofile("tests/nn/cases/" .. name) or {}) do
      if type(case.make or case[2]) == "function" and (case.input or case[3]) and name ~= "losses.lua" then
        local ok, why = pcall(check, case)
        tester:assert(ok, case[1] .. ": " .. tostring(why))
        count = count + 1
      end
    end
  end
  tester:assertge(count, 300)
end

tester:add(tests):run()
