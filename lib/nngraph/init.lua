-- nngraph: networks written as calls: module(node) is a node of a graph, nn.gModule makes a module of it.

local torch = require "torch"
local nn = require "nn"
require "graph.all"

local nngraph = {}
rawset(_G, "nngraph", nngraph)
package.loaded.nngraph = nngraph

nngraph.simple_print = require "nngraph.simple_print"
for _, name in ipairs {
  "node", "watch", "gmodule", "JustElement", "JustTable", "ModuleFromCriterion", "nest", "inspect", "calls",
} do
  require("nngraph." .. name)(nngraph, nn, torch)
end

-- The classes may be called by Torch7's containers, which run updateOutput by hand.
for _, name in ipairs {
  "nn.gModule", "nn.ModuleFromCriterion", "nngraph.JustElement", "nngraph.JustTable",
} do
  nn.Module._guard(torch.getmetatable(name))
end

return nngraph
