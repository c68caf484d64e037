-- all.lua: the package itself, under a name that no script's own file graph.lua takes from nngraph.

local torch = require "torch"

local graph = {}
if rawget(_G, "graph") == nil then rawset(_G, "graph", graph) end

for _, name in ipairs { "Node", "Edge", "Graph", "graphviz" } do
  require("graph." .. name)(graph, torch)
end

return graph
