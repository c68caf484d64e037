-- Node.lua: a node of a graph, which knows where its edges lead.

return function(graph, torch)
  local Node = torch.class("graph.Node", graph)

  --- graph.Node([data])
  --
  -- A node.  node.children is the list of the nodes that its edges lead to, node.id its number in the graph
  -- that it was last put into.
  --
  -- data: anything
  -- Returns: a graph.Node
  -- From: Torch7
  -- Example:
  --   graph.Node("a"):label() --> a
  function Node:__init(data)
    self.data = data
    self.id = 0
    self.children = {}
  end

  --- graph.Node:add(child)
  --
  -- Adds an edge to a node, or to each of a list of them.  One that is there is not added again.
  --
  -- child: graph.Node, or a list of them
  -- From: Torch7
  -- Example:
  --   a, b = graph.Node(1), graph.Node(2)
  --   a:add { b, b }
  --   #a.children --> 1
  function Node:add(child)
    if type(child) == "table" and not torch.typename(child) then
      for _, other in ipairs(child) do self:add(other) end
      return
    end
    local children = self.children
    if children[child] then return end
    children[#children + 1] = child
    children[child] = #children
  end

  --- graph.Node:label(); graph.Node:graph()
  --
  -- The node's data as text, for drawings; the graph of all that can be reached from the node.
  --
  -- Returns: a string; a graph.Graph
  -- From: Torch7
  -- Example:
  --   a, b = graph.Node(1), graph.Node(2)
  --   a:add(b)
  --   #a:graph().nodes --> 2
  function Node:label()
    return tostring(self.data)
  end

  function Node:graph()
    local g = graph.Graph()
    self:bfs(function(node)
      for _, child in ipairs(node.children) do g:add(graph.Edge(node, child)) end
    end)
    return g
  end

  --- graph.Node:visit([before [, after]])
  --
  -- Walks depth first over the nodes that can be reached and are not marked as visited; before(node) is
  -- called before a node's children, after(node) after them.  It marks nothing: before or after sets
  -- node.visited.
  --
  -- before, after: functions of a node
  -- From: Torch7
  -- Example:
  --   a, b, order = graph.Node("a"), graph.Node("b"), {}
  --   a:add(b)
  --   a:visit(function(n) table.insert(order, n.data) end)
  --   table.concat(order) --> ab
  function Node:visit(before, after)
    if self.visited then return end
    if before then before(self) end
    for _, child in ipairs(self.children) do child:visit(before, after) end
    if after then after(self) end
  end

  --- graph.Node:dfs(f); graph.Node:bfs(f); graph.Node:dfs_dirty(f); graph.Node:bfs_dirty(f)
  --
  -- Calls f once for every node that can be reached from this one: dfs depth first, a node after all that
  -- it leads to; bfs by the number of steps, this node first.  The dirty ones leave the marks in
  -- node.visited (dfs) and node.marked (bfs).
  --
  -- f: function of a node
  -- Returns: the dirty ones: the list of the nodes
  -- From: Torch7
  -- Example:
  --   a, b, order = graph.Node("a"), graph.Node("b"), {}
  --   a:add(b)
  --   a:dfs(function(n) table.insert(order, n.data) end)
  --   table.concat(order) --> ba
  function Node:dfs_dirty(f)
    local visited = {}
    if self.visited then return visited end
    -- By hand, not through visit: a chain may be longer than calls can nest.
    local stack, at, depth = { self }, { 0 }, 1
    self.visited = true
    while depth > 0 do
      local node = stack[depth]
      at[depth] = at[depth] + 1
      local child = node.children[at[depth]]
      if not child then
        depth = depth - 1
        f(node)
        visited[#visited + 1] = node
      elseif not child.visited then
        child.visited = true
        depth = depth + 1
        stack[depth], at[depth] = child, 0
      end
    end
    return visited
  end

  function Node:dfs(f)
    for _, node in ipairs(self:dfs_dirty(f)) do node.visited = nil end
  end

  function Node:bfs_dirty(f)
    local queue, at = { self }, 1
    self.marked = true
    while queue[at] do
      local node = queue[at]
      f(node)
      for _, child in ipairs(node.children) do
        if not child.marked then
          child.marked = true
          queue[#queue + 1] = child
        end
      end
      at = at + 1
    end
    return queue
  end

  function Node:bfs(f)
    for _, node in ipairs(self:bfs_dirty(f)) do node.marked = nil end
  end

  --- graph.Node:hasCycle()
  --
  -- Whether edges that can be reached from the node lead in a circle.
  --
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   a, b = graph.Node(1), graph.Node(2)
  --   a:add(b)
  --   b:add(a)
  --   a:hasCycle() --> true
  function Node:hasCycle()
    local open, done = { [self] = true }, {}
    local stack, at, depth = { self }, { 0 }, 1
    while depth > 0 do
      local node = stack[depth]
      at[depth] = at[depth] + 1
      local child = node.children[at[depth]]
      if not child then
        open[node], done[node] = nil, true
        depth = depth - 1
      elseif open[child] then
        return true
      elseif not done[child] then
        depth = depth + 1
        stack[depth], at[depth], open[child] = child, 0, true
      end
    end
    return false
  end
end
