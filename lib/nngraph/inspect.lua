-- inspect.lua: to find what is wrong with a graph: names for its nodes, drawings of it.

return function(nngraph, _, torch)
  local graph = require "graph.all"
  local paths = require "paths"

  -- ---- errors -----------------------------------------------------------------------------------------

  -- A name for the drawing that no file has yet.
  local function free_name(gmodule)
    local name = gmodule.name
      or ("nngraph_%din_%dout"):format(gmodule.nInputs or 1, #gmodule.outnode.data.mapindex)
    if not paths.filep(name .. ".svg") and not paths.filep(name .. ".dot") then return name end
    local unique = os.tmpname()
    os.remove(unique)
    return name .. "_" .. paths.basename(unique)
  end

  local function draw_failure(gmodule, plan)
    local name = free_name(gmodule)
    local text = gmodule.fg:todot(name)
    local failed = plan.at and plan.nodes[plan.at]
    if failed then text = text:gsub("}%s*$", ("n%d[style=filled, fillcolor=red];\n}"):format(failed.id)) end
    io.stderr:write(("nngraph: saving %s.svg\n"):format(name))
    graph._save(text, name)
  end

  -- f(...), and when it fails a drawing of the graph in which the node that failed is red.
  function nngraph._checked(gmodule, plan, f, ...)
    local results = table.pack(pcall(f, ...))
    if results[1] then return table.unpack(results, 2, results.n) end
    local ok, why = pcall(draw_failure, gmodule, plan)
    if not ok then io.stderr:write(("nngraph: %s\n"):format(tostring(why))) end
    error(results[2], 0)
  end

  --- nngraph.setDebug(on)
  --
  -- Has every nn.gModule, when it fails, write its graph with the node that failed in red, to NAME.dot and,
  -- where Graphviz is installed, NAME.svg; NAME is the module's field name, or nngraph_1in_1out by the number
  -- of inputs and outputs.
  --
  -- on: true or false
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   nngraph.setDebug(true)
  --   nngraph.setDebug(false)
  function nngraph.setDebug(on)
    nngraph._debugging = on and true or nil
  end

  -- ---- names -------------------------------------------------------------------------------------------

  --- nngraph.annotateNodes([level])
  --
  -- Names the nodes after the local variables that hold them, where they have no name yet.
  --
  -- level: whose variables: 1, the default, is the function that calls, 2 the one that called it
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   function make()
  --     local hidden = nn.Tanh()()
  --     nngraph.annotateNodes()
  --     return hidden
  --   end
  --   make().data.annotations.name --> hidden
  function nngraph.annotateNodes(level)
    level = (level or 1) + 1
    local index = 1
    while true do
      local name, value = debug.getlocal(level, index)
      if not name then return end
      if torch.typename(value) == "nngraph.Node" and not value.data.annotations.name then
        value:annotate { name = name }
      end
      index = index + 1
    end
  end

  --- nngraph.display(gmodule)
  --
  -- Draws a graph and shows the drawing in the program that the desktop has for it.
  --
  -- gmodule: nn.gModule
  -- Errors: Graphviz is not installed
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   type(nngraph.display) --> function
  function nngraph.display(gmodule)
    local path = os.tmpname() .. ".svg"
    graph.graphvizFile(gmodule.fg, "dot", path)
    os.execute(("xdg-open '%s' >/dev/null 2>&1 || open '%s'"):format(path, path))
  end
end
