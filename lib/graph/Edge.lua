-- Edge.lua: an edge of a graph.

return function(graph, torch)
  local Edge = torch.class("graph.Edge", graph)

  --- graph.Edge(from, to [, weight])
  --
  -- An edge from one node to another.
  --
  -- from, to: graph.Node
  -- weight: anything
  -- Returns: a graph.Edge with these fields
  -- From: Torch7
  -- Example:
  --   e = graph.Edge(graph.Node("a"), graph.Node("b"))
  --   e.from.data, e.to.data --> a b
  function Edge:__init(from, to, weight)
    self.from, self.to, self.weight = from, to, weight
  end
end
