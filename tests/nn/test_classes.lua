-- test_classes: every class of layers has a case that tests/nn/walk.lua walks.
local torch = require "torch"
local nn = require "nn"
local paths = require "paths"

-- Before any test loads it.
local unused = rawget(nn, "Kmeans") == nil and rawget(torch._metatables, "nn.Kmeans") == nil
local define = torch.class
torch.class = function() error("interrupted", 0) end
local stopped, why = pcall(function() return nn.Kmeans end)
torch.class = define

local tester = torch.Tester()
local tests = torch.TestSuite()

-- What is no layer, or one whose tests are all of its own: bases, trainers, tools; layers that are not a
-- function of their input alone.
local others = {}
for name in ([[
  Module Container Criterion StochasticGradient CriterionTable DontCast RNNBase RNNCellBase ModuleDict
  DataParallelTable IndexLinear Kmeans OneHot PrintSize SpatialMaxUnpooling VolumetricMaxUnpooling
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
  for _ in pairs(nn) do end -- loads all
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

function tests.classes_are_loaded_when_they_are_named()
  tester:assert(unused, "nothing loads it")
  tester:assert(not stopped and why == "interrupted")
  tester:eq(torch.typename(torch.factory("nn.Kmeans")()), "nn.Kmeans", "by its full name, after all")
  tester:assert(rawget(nn, "Kmeans") ~= nil)
  tester:assert(nn.NoSuchClass == nil and torch._metatables["nn.NoSuchClass"] == nil)

  local names = {}
  for name in pairs(nn) do names[name] = true end
  for name in paths.iterfiles "nn" do
    name = name:match "^(%u.*)%.lua$"
    if name and not name:lower():find "pool" then
      tester:assert(names[name] == true, name .. " is in the list")
    end
  end
  for name in pairs(names) do tester:assert(rawget(nn, name) ~= nil, name .. " is what its file defines") end
end

tester:add(tests):run()
