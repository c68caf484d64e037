-- graphviz.lua: drawings of graphs, by the program dot of Graphviz.

return function(graph, torch)
  local MISSING = "Graphviz is not installed: there is no program 'dot' (Debian: apt install graphviz)"

  local function quoted(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
  end

  -- Asked every time: it costs little beside a drawing, and one may install it meanwhile.
  local function has_dot()
    return (os.execute("command -v dot >/dev/null 2>&1"))
  end

  local function write(path, text)
    local file, why = io.open(path, "w")
    if not file then error("graph: " .. why, 3) end
    file:write(text)
    file:close()
  end

  -- Has dot draw a text; true, or nil and what is wrong.
  local function draw(text, algorithm, kind, path)
    if not has_dot() then return nil, MISSING end
    local source = os.tmpname()
    write(source, text)
    local ok = os.execute(("dot -K%s -T%s -o %s %s"):format(quoted(algorithm), quoted(kind), quoted(path),
      quoted(source)))
    os.remove(source)
    if not ok then return nil, ("dot could not draw %s"):format(path) end
    return true
  end

  -- Writes PATH.dot and, where dot is installed, PATH.svg.  Says on stderr what is missing.
  function graph._save(text, path)
    write(path .. ".dot", text)
    local ok, why = draw(text, "dot", "svg", path .. ".svg")
    if not ok then
      io.stderr:write(("graph: %s.dot is written, the drawing is not: %s\n"):format(path, why))
    end
    return ok
  end

  --- graph.dot(g [, title [, path]])
  --
  -- Writes a graph to path.dot, in Graphviz's language, and, where the program dot is installed, a drawing of
  -- it to path.svg.  Without a path it takes one among the temporary files and prints it.
  --
  -- g: graph.Graph, such as net.fg of an nn.gModule
  -- title: string
  -- path: string, without an ending
  -- Returns: the path
  -- Errors: the file cannot be written
  -- From: Torch7
  -- Example:
  --   g = graph.Graph()
  --   g:add(graph.Edge(graph.Node("a"), graph.Node("b")))
  --   graph.dot(g, "two", "two") --> two
  function graph.dot(g, title, path)
    return graph._dot(g:todot(title), path)
  end

  function graph._dot(text, path)
    local named = path or os.tmpname()
    local drawn = graph._save(text, named)
    if not path then print(("%s.%s"):format(named, drawn and "svg" or "dot")) end
    return named
  end

  --- graph.graphvizFile(g, algorithm, path)
  --
  -- Has Graphviz draw a graph into a file, whose ending says what kind of file it is.
  --
  -- g: graph.Graph
  -- algorithm: "dot", "neato", "circo", ...; "dot" by default
  -- path: string, as "net.png"
  -- Errors: Graphviz is not installed or refuses
  -- From: Torch7
  -- Example:
  --   g = graph.Graph()
  --   g:add(graph.Edge(graph.Node("a"), graph.Node("b")))
  --   ok = pcall(graph.graphvizFile, g, "dot", "two.svg") -- false without Graphviz
  function graph.graphvizFile(g, algorithm, path)
    local ok, why = draw(g:todot(), algorithm or "dot", path:match("%.(%w+)$") or "svg", path)
    if not ok then error("graph.graphvizFile: " .. why, 2) end
  end

  --- graph.graphvizLayout(g [, algorithm])
  --
  -- Where Graphviz puts the nodes of a graph.
  --
  -- g: graph.Graph
  -- algorithm: "dot", "neato", "circo", ...; "dot" by default
  -- Returns: a matrix of two columns, x and y of each node, from 0 to 1
  -- Errors: Graphviz is not installed or refuses
  -- From: Torch7
  -- Example:
  --   g = graph.Graph()
  --   g:add(graph.Edge(graph.Node("a"), graph.Node("b")))
  --   ok, places = pcall(graph.graphvizLayout, g) -- false without Graphviz
  function graph.graphvizLayout(g, algorithm)
    local path = os.tmpname()
    local ok, why = draw(g:todot(), algorithm or "dot", "plain", path)
    if not ok then
      os.remove(path)
      error("graph.graphvizLayout: " .. why, 2)
    end
    local places, width, height = torch.zeros(#g.nodes, 2), 1, 1
    for line in io.lines(path) do
      local w, h = line:match("^graph %S+ (%S+) (%S+)")
      if w then width, height = tonumber(w), tonumber(h) end
      local id, x, y = line:match("^node n(%d+) (%S+) (%S+)")
      if id then
        places[tonumber(id)][1] = tonumber(x) / width
        places[tonumber(id)][2] = tonumber(y) / height
      end
    end
    os.remove(path)
    return places
  end
end
