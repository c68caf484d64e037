-- Graph.lua: a graph as lists of nodes and edges.

return function(graph, torch)
  local Graph = torch.class("graph.Graph", graph)

  --- graph.Graph()
  --
  -- A directed graph.  graph.nodes and graph.edges are lists, which also give the place of each node and
  -- edge: g.nodes[g.nodes[3]] is 3.
  --
  -- Returns: an empty graph
  -- From: Torch7
  -- Example:
  --   a, b, c = graph.Node("a"), graph.Node("b"), graph.Node("c")
  --   g = graph.Graph()
  --   g:add { graph.Edge(a, b), graph.Edge(b, c) }
  --   #g.nodes, #g.edges --> 3 2
  function Graph:__init()
    self.nodes = {}
    self.edges = {}
  end

  local function insert(list, value)
    if list[value] then return end
    list[#list + 1] = value
    list[value] = #list
  end

  --- graph.Graph:add(edge)
  --
  -- Adds an edge, or each of a list, with the nodes at its ends, which get their place in the graph as id.
  --
  -- edge: graph.Edge, or a list of them
  -- Errors: it is no edge
  -- From: Torch7
  -- Example:
  --   g = graph.Graph()
  --   g:add(graph.Edge(graph.Node("a"), graph.Node("b")))
  --   g.nodes[2].id --> 2
  function Graph:add(edge)
    if type(edge) ~= "table" then
      error(("graph.Graph:add: a graph.Edge or a list of them is wanted, got a %s"):format(type(edge)), 2)
    end
    if not torch.typename(edge) then
      for _, e in ipairs(edge) do self:add(e) end
      return
    end
    insert(self.edges, edge)
    insert(self.nodes, edge.from)
    insert(self.nodes, edge.to)
    edge.from:add(edge.to)
    edge.from.id = self.nodes[edge.from]
    edge.to.id = self.nodes[edge.to]
  end

  --- graph.Graph:clone(); graph.Graph:reverse()
  --
  -- A graph of new nodes, which share the data of the old; with reverse its edges lead the other way.
  --
  -- Returns: clone: a graph.Graph; reverse: that, and a table from each old node to its new one
  -- From: Torch7
  -- Example:
  --   g = graph.Graph()
  --   g:add(graph.Edge(graph.Node("a"), graph.Node("b")))
  --   g:reverse():roots()[1].data --> b
  function Graph:clone()
    local copy, nodes = graph.Graph(), {}
    for _, node in ipairs(self.nodes) do nodes[node] = node.new(node.data) end
    for _, e in ipairs(self.edges) do copy:add(e.new(nodes[e.from], nodes[e.to], e.weight)) end
    return copy
  end

  function Graph:reverse()
    local reversed, nodes = graph.Graph(), {}
    for _, e in ipairs(self.edges) do
      nodes[e.from] = nodes[e.from] or e.from.new(e.from.data)
      nodes[e.to] = nodes[e.to] or e.to.new(e.to.data)
      reversed:add(e.new(nodes[e.to], nodes[e.from], e.weight))
    end
    return reversed, nodes
  end

  -- The nodes that are at one end of some edge and at the other end of none, in the order of their places.
  local function only(self, here, there)
    local elsewhere, added, list = {}, {}, {}
    for _, e in ipairs(self.edges) do elsewhere[e[there]] = true end
    for _, e in ipairs(self.edges) do
      local node = e[here]
      if not elsewhere[node] and not added[node] then
        list[#list + 1], added[node] = node, true
      end
    end
    table.sort(list, function(a, b) return self.nodes[a] < self.nodes[b] end)
    return list
  end

  --- graph.Graph:roots(); graph.Graph:leaves()
  --
  -- The nodes that no edge leads to, or those that none leads away from.
  --
  -- Returns: a list of nodes
  -- From: Torch7
  -- Example:
  --   a, b, c = graph.Node("a"), graph.Node("b"), graph.Node("c")
  --   g = graph.Graph()
  --   g:add { graph.Edge(a, b), graph.Edge(a, c) }
  --   #g:roots(), #g:leaves() --> 1 2
  function Graph:roots()
    return only(self, "from", "to")
  end

  function Graph:leaves()
    return only(self, "to", "from")
  end

  --- graph.Graph:hasCycle()
  --
  -- Whether edges lead in a circle.
  --
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   a, b = graph.Node("a"), graph.Node("b")
  --   g = graph.Graph()
  --   g:add { graph.Edge(a, b), graph.Edge(b, a) }
  --   g:hasCycle() --> true
  function Graph:hasCycle()
    local roots = self:roots()
    for _, root in ipairs(roots) do
      if root:hasCycle() then return true end
    end
    return #roots == 0
  end

  --- graph.Graph:topsort()
  --
  -- The nodes in an order in which every edge leads from an earlier to a later one.
  --
  -- Returns: a list of nodes; the reversed graph; the roots of that
  -- Errors: the graph has cycles
  -- From: Torch7
  -- Example:
  --   a, b, c = graph.Node("a"), graph.Node("b"), graph.Node("c")
  --   g = graph.Graph()
  --   g:add { graph.Edge(b, c), graph.Edge(a, b) }
  --   g:topsort()[1].data --> a
  function Graph:topsort()
    local reversed, nodes = self:reverse()
    local original, sorted = {}, {}
    for old, new in pairs(nodes) do original[new] = old end
    local roots = reversed:roots()
    local visited = {}
    for _, root in ipairs(roots) do
      for _, node in ipairs(root:dfs_dirty(function() end)) do visited[#visited + 1] = node end
    end
    for i, node in ipairs(visited) do
      node.visited = nil
      sorted[i] = original[node]
    end
    if #sorted ~= #self.nodes or self:hasCycle() then
      error("graph.Graph:topsort: the graph has cycles", 2)
    end
    return sorted, reversed, roots
  end

  -- ---- as text for Graphviz ---------------------------------------------------------------------------

  -- A string as the DOT language writes it.
  function graph._dotEscape(text)
    if not text:find("[^%a]") then return text end
    return '"' .. text:gsub("\n", "\\n"):gsub('"', '\\"') .. '"'
  end

  local function attributes_text(attributes)
    local names, parts = {}, {}
    for name in pairs(attributes) do names[#names + 1] = name end
    table.sort(names)
    for i, name in ipairs(names) do
      parts[i] = ("%s=%s"):format(name, graph._dotEscape(tostring(attributes[name])))
    end
    return table.concat(parts, " ")
  end

  --- graph.Graph:todot([title])
  --
  -- The graph in Graphviz's language.  A node's text is what its label() gives; a class of nodes may also
  -- have graphNodeName(), for another name than Node3, and graphNodeAttributes(), for a table of Graphviz's
  -- attributes.
  --
  -- title: string
  -- Returns: a string
  -- From: Torch7
  -- Example:
  --   g = graph.Graph()
  --   g:add(graph.Edge(graph.Node("a"), graph.Node("b")))
  --   g:todot("two"):match("n1 %-> n2") --> n1 -> n2
  function Graph:todot(title)
    local lines = { "digraph G {" }
    if title then lines[#lines + 1] = ('labelloc="t";\nlabel=%s;'):format(graph._dotEscape(title)) end
    lines[#lines + 1] = "node [shape = oval];"
    for _, node in ipairs(self.nodes) do
      local name = node.graphNodeName and node:graphNodeName() or "Node" .. node.id
      local attributes = { label = name .. "\n" .. node:label() }
      for k, v in pairs(node.graphNodeAttributes and node:graphNodeAttributes() or {}) do
        attributes[k] = v
      end
      lines[#lines + 1] = ("n%d[%s];"):format(node.id, attributes_text(attributes))
    end
    for _, e in ipairs(self.edges) do
      lines[#lines + 1] = ("n%d -> n%d;"):format(e.from.id, e.to.id)
    end
    return table.concat(lines, "\n") .. "\n}"
  end
end
