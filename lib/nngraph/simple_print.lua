-- simple_print.lua: drawings of the modules alone.

local graph = require "graph.all"
local torch = require "torch"

local simple_print = {}

-- Whether a node is drawn: one with a module that does something.
local function is_drawn(node)
  local data = node.data
  return type(data) == "table" and data.module and torch.typename(data.module) ~= "nn.Identity"
end

-- The nodes that a node leads to when those between that are not drawn are left out.
local function next_drawn(node, found, seen)
  for _, child in ipairs(node.children) do
    if not seen[child] then
      seen[child] = true
      if is_drawn(child) then found[#found + 1] = child else next_drawn(child, found, seen) end
    end
  end
  return found
end

--- nngraph.simple_print.todot(g [, title]); nngraph.simple_print.dot(g [, title [, path]])
--
-- As g:todot and graph.dot, but with the nodes left out that have no module or nn.Identity.
--
-- g: graph.Graph, such as net.fg of an nn.gModule
-- title: string
-- path: string, without an ending
-- Returns: todot: a string; dot: the path
-- From: Torch7
-- Example:
--   require "nngraph"
--   input = nn.Identity()()
--   net = nn.gModule({ input }, { nn.Tanh()(nn.Linear(2, 2)(input)) })
--   select(2, nngraph.simple_print.todot(net.fg):gsub("label", "")) --> 2
function simple_print.todot(g, title)
  local lines = { "digraph G {" }
  if title then lines[#lines + 1] = ('labelloc="t";\nlabel=%s;'):format(graph._dotEscape(title)) end
  lines[#lines + 1] = "node [shape = oval];"
  local edges = {}
  for _, node in ipairs(g.nodes) do
    if is_drawn(node) then
      lines[#lines + 1] = ("n%d[label=%s];"):format(node.id,
        graph._dotEscape(("Node%d\n%s"):format(node.id, node:label())))
      for _, other in ipairs(next_drawn(node, {}, {})) do
        edges[#edges + 1] = ("n%d -> n%d;"):format(node.id, other.id)
      end
    end
  end
  table.move(edges, 1, #edges, #lines + 1, lines)
  return table.concat(lines, "\n") .. "\n}"
end

function simple_print.dot(g, title, path)
  return graph._dot(simple_print.todot(g, title), path)
end

return simple_print
