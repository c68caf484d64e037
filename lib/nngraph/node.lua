-- node.lua: a node of a network's graph: a module, or a part of a table.

local utils = require "nngraph.utils"
local caller = require("torch.caller")
local position, raise = caller.position, caller.raise

return function(nngraph, _, torch)
  local Node, parent = torch.class("nngraph.Node", "graph.Node", nngraph)

  -- "[script.lua]:12_": where the script is now.
  local function place()
    local file, line = position():match("^(.*):(%d+)$")
    return file and ("[%s]:%s_"):format(file, line) or ""
  end

  --- nngraph.Node(data)
  --
  -- A node of a network's graph.  module(), module(node) and module({nodes}) make them.
  --
  -- data: table; its module is what the node runs, data.annotations what node:annotate gave
  -- Returns: an nngraph.Node
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   node = nn.Tanh()()
  --   torch.typename(node), torch.typename(node.data.module) --> nngraph.Node nn.Tanh
  function Node:__init(data)
    parent.__init(self, data or {})
    data = self.data
    data.annotations = data.annotations or {}
    data.mapindex = data.mapindex or {}
    data.reverseMap = data.reverseMap or {}
    data.annotations._debugLabel = data.annotations._debugLabel or place()
  end

  --- nngraph.Node:add(child [, ordered])
  --
  -- Adds an edge to a node.  With ordered, the child is the next input of this node: data.mapindex lists the
  -- inputs' data and tells the place of each, the child's data.reverseMap who takes it as an input.
  --
  -- child: nngraph.Node
  -- ordered: true or false
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   a, b = nn.Identity()(), nn.Identity()()
  --   b:add(a, true)
  --   b.data.mapindex[1] == a.data --> true
  function Node:add(child, ordered)
    parent.add(self, child)
    if not ordered then return end
    local mapindex, data = self.data.mapindex, child.data
    mapindex[#mapindex + 1] = data
    mapindex[data] = #mapindex
    data.reverseMap[self] = true
  end

  --- nngraph.Node:split(n)
  --
  -- A node for each entry of the table that a node's module gives.  All of them have to be used.
  --
  -- n: how many entries there are
  -- Returns: n nodes
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   input = nn.Identity()()
  --   a, b = input:split(2)
  --   net = nn.gModule({ input }, { nn.CSubTable()({ b, a }) })
  --   net:forward({ torch.ones(2), torch.ones(2) * 3 }):sum() --> 4.0
  function Node:split(n)
    if math.tointeger(n) == nil or n < 1 then
      raise("nngraph.Node:split: %s parts, wanted a whole number of at least 1", tostring(n))
    end
    if n == 1 then return nngraph.JustElement()(self) end
    local label = self.data.annotations._debugLabel
    local whole = nngraph.Node { nSplitOutputs = n,
      annotations = { _debugLabel = ("%s split at %s-mnode"):format(label, place():sub(1, -2)) } }
    whole:add(self, true)
    local parts = {}
    for i = 1, n do
      parts[i] = nngraph.Node { selectindex = i, annotations = { _debugLabel = ("%s-%d"):format(label, i) } }
      parts[i]:add(whole, true)
    end
    return table.unpack(parts)
  end

  --- nngraph.Node:annotate(annotations)
  --
  -- Gives a node a name, which is in errors and drawings, and more that is in drawings.  They are kept in
  -- node.data.annotations.
  --
  -- annotations: table: name and description are strings, graphAttributes a table of Graphviz's attributes
  -- Returns: the node
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   node = nn.Tanh()():annotate { name = "squash", graphAttributes = { color = "red" } }
  --   node.data.annotations.name --> squash
  function Node:annotate(annotations)
    for k, v in pairs(annotations) do self.data.annotations[k] = v end
    return self
  end

  --- nngraph.Node:graphNodeName(); nngraph.Node:graphNodeAttributes(); nngraph.Node:label()
  --
  -- What drawings call the node, the attributes that Graphviz draws it with, and its text: its module, what
  -- it was given last, forward and backward.
  --
  -- Returns: a string; a table; a string
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   nn.Tanh()():annotate({ name = "squash" }):graphNodeName() --> squash (0)
  function Node:graphNodeName()
    local name = self.data.annotations.name
    return name and ("%s (%d)"):format(name, self.id) or ("Node%d"):format(self.id)
  end

  function Node:graphNodeAttributes()
    local annotations = self.data.annotations
    annotations.graphAttributes = annotations.graphAttributes or {}
    annotations.graphAttributes.tooltip = annotations.graphAttributes.tooltip or annotations._debugLabel
    return annotations.graphAttributes
  end

  -- ---- the text in a drawing ---------------------------------------------------------------------------

  -- "NaN", "inf" or "-inf" when there is such a number in a tensor.
  local function alarm(t)
    if t:nElement() == 0 or not t.dtype:find("float") then return "" end
    t = t:detach()
    if torch.ne(t, t):sum() > 0 then return "NaN" end
    if t:max() == math.huge then return "inf" end
    return t:min() == -math.huge and "-inf" or ""
  end

  local function text_of(value)
    if torch.isTensor(value) then
      local name = value:type() == torch.getdefaulttensortype() and "Tensor" or value:type()
      return ("%s[%s]%s"):format(name, table.concat(value.shape, "x"), alarm(value))
    end
    if not utils.istable(value) then return (tostring(value):gsub("\n", "\\l")) end
    local parts = {}
    for i, v in ipairs(value) do parts[i] = text_of(v) end
    return "{" .. table.concat(parts, ",") .. "}"
  end

  -- The ids of the nodes that are the inputs.
  local function sources(mapindex)
    local parts = {}
    for i, data in ipairs(mapindex) do parts[i] = "Node" .. (data.forwardNodeId or "") end
    return "{" .. table.concat(parts, ",") .. "}"
  end

  local computed = { "input", "gradOutput" } -- see watch.lua
  local hidden = { input = true, gradOutput = true, forwardNodeId = true, annotations = true,
    reverseMap = true }

  function Node:label()
    local names, parts = {}, {}
    for k in pairs(self.data) do
      if not hidden[k] and (k ~= "mapindex" or #self.data.mapindex > 1) then names[#names + 1] = k end
    end
    for _, k in ipairs(computed) do names[#names + 1] = self.data[k] and k end
    table.sort(names)
    for i, k in ipairs(names) do
      parts[i] = ("%s = %s"):format(k, (k == "mapindex" and sources or text_of)(self.data[k]))
    end
    local description = self.data.annotations.description
    return (description and "desc = " .. description .. "\\n" or "") .. table.concat(parts, "\\l")
  end
end
