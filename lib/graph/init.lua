-- graph: directed graphs, what to do with them, and drawings of them by Graphviz.

local torch = require "torch"

local graph = {}
if rawget(_G, "graph") == nil then rawset(_G, "graph", graph) end
package.loaded.graph = graph

for _, name in ipairs { "Node", "Edge", "Graph", "graphviz" } do
  require("graph." .. name)(graph, torch)
end

return graph
