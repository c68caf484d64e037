-- graph: the graph behind a tensor, to be looked at: as a tree, as a drawing, in numbers.

return function(torch)
  local Graph = {}
  Graph.__index = Graph

  -- All nodes from which x was computed, x's own first.
  local function collect(x)
    local nodes, number = {}, {}
    local function add(node)
      if node and not number[node] then
        nodes[#nodes + 1] = node
        number[node] = #nodes
      end
    end
    add(x.gradFn)
    local at = 1
    while nodes[at] do
      for _, input in ipairs(nodes[at].inputs) do
        if input and not torch.isTensor(input) then add(input) end
      end
      at = at + 1
    end
    return nodes, number
  end

  local function shape_text(shape)
    return #shape == 0 and "scalar" or table.concat(shape, "x")
  end

  local function tensor_text(x)
    return ("%s %s"):format(shape_text(x.shape), x.dtype)
  end

  -- "sum(dim=1) 3 float32 at train.lua:12"
  local function node_text(node)
    local parts, list = {}, {}
    for name, value in pairs(node.attributes) do
      if type(name) == "string" and name ~= "code" then list[#list + 1] = ("%s=%s"):format(name, value) end
    end
    table.sort(list)
    for _, output in ipairs(node.outputs) do
      parts[#parts + 1] = ("%s %s"):format(shape_text(output.shape), output.dtype)
    end
    return ("%s%s  %s%s"):format(node.name, #list > 0 and "(" .. table.concat(list, ", ") .. ")" or "",
      table.concat(parts, ", "), node.where ~= "" and "  " .. node.where or "")
  end

  --- torch.graph(x): the graph that backward from x would run.
  --
  -- x: tensor
  -- Returns: an object: tostring gives a tree, a node a line with its numbers, shape, type and the script's
  --   line (what was shown before appears as a number); nodes, a list with x's own first; savedBytes, of what
  --   the nodes keep for backward; leaves, a list of the leaf tensors; #graph, how many nodes
  -- Example:
  --   x = torch.ones(2):requireGrad()
  --   graph = torch.graph(torch.exp(x) * 2)
  --   #graph, graph.nodes[1].name, graph.savedBytes, #graph.leaves --> 2 mul 8 1
  function torch.graph(x)
    if not torch.isTensor(x) then
      error("torch.graph: a tensor is wanted, got " .. type(x), 2)
    end
    local nodes, number = collect(x)
    local graph = { root = x, nodes = nodes, _number = number, savedBytes = 0, leaves = {} }
    local seen = {}
    for _, node in ipairs(nodes) do
      graph.savedBytes = graph.savedBytes + node.savedBytes
      for _, input in ipairs(node.inputs) do
        if input and torch.isTensor(input) and not seen[torch.pointer(input)] then
          seen[torch.pointer(input)] = true
          table.insert(graph.leaves, input)
        end
      end
    end
    return setmetatable(graph, Graph)
  end

  function Graph:__len() return #self.nodes end

  -- The lines of the tree, with a stack of its own: chains may be long.
  function Graph:__tostring()
    if #self.nodes == 0 then return "a tensor without a history: " .. tensor_text(self.root) end
    local lines, shown = {}, {}
    local stack = { { self.nodes[1], 0 } }
    while #stack > 0 do
      local item = table.remove(stack)
      local what, depth = item[1], item[2]
      local indent = ("  "):rep(math.min(depth, 40))
      if torch.isTensor(what) then
        lines[#lines + 1] = indent .. "leaf  " .. tensor_text(what)
      elseif shown[what] then
        lines[#lines + 1] = ("%s#%d, as above"):format(indent, self._number[what])
      else
        shown[what] = true
        lines[#lines + 1] = ("%s#%d %s"):format(indent, self._number[what], node_text(what))
        local inputs = what.inputs
        for i = #inputs, 1, -1 do
          if inputs[i] then stack[#stack + 1] = { inputs[i], depth + 1 } end
        end
      end
    end
    lines[#lines + 1] = ("%d nodes, %d bytes saved"):format(#self.nodes, self.savedBytes)
    return table.concat(lines, "\n")
  end

  local function quote(text)
    return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
  end

  --- graph:dot([path]): the graph in Graphviz's language; with a path it is written to that file.
  --
  -- path: string
  -- Returns: the text
  -- Errors: the file cannot be written
  -- From: Graphviz
  -- Example:
  --   graph = torch.graph(torch.exp(torch.ones(2):requireGrad()))
  --   graph:dot():match("^%w+") --> digraph
  function Graph:dot(path)
    local lines, leaf_number = { "digraph {", "  node [shape=box];" }, {}
    for i, leaf in ipairs(self.leaves) do
      leaf_number[torch.pointer(leaf)] = i
      lines[#lines + 1] = ("  leaf%d [style=filled, label=%s];"):format(i, quote(tensor_text(leaf)))
    end
    for i, node in ipairs(self.nodes) do
      lines[#lines + 1] = ("  n%d [label=%s];"):format(i, quote(node_text(node)))
      for _, input in ipairs(node.inputs) do
        if input and torch.isTensor(input) then
          lines[#lines + 1] = ("  leaf%d -> n%d;"):format(leaf_number[torch.pointer(input)], i)
        elseif input then
          lines[#lines + 1] = ("  n%d -> n%d;"):format(self._number[input], i)
        end
      end
    end
    lines[#lines + 1] = "}\n"
    local text = table.concat(lines, "\n")
    if path then
      local file, message = io.open(path, "w")
      if not file then error("graph:dot: " .. message, 2) end
      file:write(text)
      file:close()
    end
    return text
  end
end
