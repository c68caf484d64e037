-- test_classes: every class of layers has a case that tests/nn/walk.lua walks.
local torch = require "torch"
local nn = require "nn"
local paths = require "paths"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- What is no layer, or one whose tests are all of its own: bases, trainers, tools; layers that are not a
-- function of their input alone.
local others = {}
for name in ([[
  Module Container Criterion StochasticGradient CriterionTable DontCast RNNBase RNNCellBase ModuleDict
  IndexLinear Kmeans OneHot PrintSize SpatialMaxUnpooling VolumetricMaxUnpooling
]]):gmatch "%S+" do others["nn." .. name] = true end

local function cases()
  local all = {}
  for name in paths.files "tests/nn/cases" do
    if name:find "%.lua$" then
      for _, case in ipairs(dofile("tests/nn/cases/" .. name)) do all[#all + 1] = case end
    end
  end
  return all
end

-- The classes of nn that a predicate holds for, by name.
local function classes(of)
  local list = {}
  for name, class in pairs(torch._metatables) do
    if name:find "^nn%.%w+$" and nn[name:sub(4)] and class[of] and not others[name] then
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

function tests.every_layer_has_a_case()
  local seen = {}
  for _, case in ipairs(cases()) do
    torch.manualSeed(1)
    local make = case.make or case[2]
    local m = type(make) == "function" and make()
    if m and m.apply then m:apply(function(inner) seen[torch.typename(inner)] = true end) end
  end
  for _, name in ipairs(classes "updateGradInput") do
    if nn[name:sub(4)].parameters then tester:assert(seen[name] == true, name .. " has a case") end
  end
end

tester:add(tests):run()
