-- show: what the debugger prints: places, stacks, source lines, variables, graphs.

local breaks = require "cresset.debugger.breaks"
local display = require "cresset.repl.display"
local frames = require "cresset.debugger.frames"
local source = require "cresset.debugger.source"

local show = {}

local print, write = print, io.write

-- The most lines of one variable in a list of them.
local LINES = 8

local function place(frame)
  if frame.info.what == "C" then return "[C]" end
  return ("%s:%d"):format(source.name(frame.info.source), frame.info.currentline)
end

local function trim(line)
  return (line:match("^%s*(.-)%s*$"))
end

-- Where the chosen frame is, with its line.
function show.place(frame)
  print(("%s in %s"):format(place(frame), frames.describe(frame)))
  local line = frame.info.currentline
  local text = line > 0 and source.line(frame.info.source, line)
  if text then print(("-> %d  %s"):format(line, trim(text))) end
end

local function show_frame(frame, number, chosen)
  local function dress(text) return frame.library and display.faint(text) or text end
  local mark = chosen and "->" or "  "
  print(dress(("%s #%d  %s in %s"):format(mark, number, place(frame), frames.describe(frame))))
  local line = frame.info.currentline
  local text = line > 0 and source.line(frame.info.source, line)
  if text then write("        ", dress(trim(text)), "\n") end
end

-- The stack, at most `most` frames; C functions only when `all` is set.
function show.stack(stack, at, most, all)
  local shown, left = 0, 0
  for i, frame in ipairs(stack) do
    if frame.resumed then print(display.faint "   -- resumed by") end
    if (frame.skipped or 0) > 0 then print(("   ... %d frames were not kept"):format(frame.skipped)) end
    if all or frame.info.what ~= "C" then
      if shown < most then
        show_frame(frame, i - 1, i == at)
        shown = shown + 1
      else
        left = left + 1
      end
    end
  end
  if left > 0 then print(("   ... %d more; `where %d` shows them"):format(left, most + left)) end
end

-- Lines from..to of the frame's source: an arrow at the one that runs, a star at breakpoints.  Returns the
-- line after the last; nil when there are none.
function show.source(frame, from, to)
  local text = source.text(frame.info.source)
  if not text then return nil, "the source of " .. source.name(frame.info.source) .. " is not known" end
  local lines = source.lines(text)
  if from > #lines then return nil, ("%s has %d lines"):format(source.name(frame.info.source), #lines) end
  to = math.min(to, #lines)
  local width = #tostring(to)
  for n = math.max(from, 1), to do
    local mark = n == frame.info.currentline and "->" or breaks.at(frame.info.source, n) and " *" or "  "
    print(("%s %" .. width .. "d  %s"):format(mark, n, lines[n]))
  end
  return to + 1
end

-- What a table is that would be long and says little: a package, a class.
local function known_table(value)
  if type(value) ~= "table" then return nil end
  for name, package in pairs(package.loaded) do
    if package == value then return "package " .. name end
  end
  local class = rawget(value, "__typename")
  return type(class) == "string" and "class " .. class or nil
end

-- A variable's text, its first lines.
local function short(value)
  local text, n = known_table(value) or display.text(value), 0
  if type(value) == "string" then
    text = ("%q"):format(#value > 200 and value:sub(1, 200) .. "..." or value):gsub("\\\n", "\\n")
  end
  for at in text:gmatch("()\n") do
    n = n + 1
    if n == LINES then
      local torch = package.loaded.torch
      local last = torch and torch.isTensor(value) and text:match("[^\n]+$") or "..."
      return text:sub(1, at) .. last
    end
  end
  return text
end

function show.variable(name, value)
  local text = short(value)
  print(("%s =%s%s"):format(name, text:find("\n") and "\n" or " ", text))
end

function show.variables(frame)
  local locals, upvalues = frames.variables(frame)
  local more = frames.varargs(frame)
  for _, v in ipairs(locals) do show.variable(v[1], v[2]) end
  if more.n > 0 then
    local texts = {}
    for i = 1, more.n do texts[i] = short(more[i]) end
    print("... = " .. table.concat(texts, ", "))
  end
  if #upvalues > 0 then print(display.faint "-- upvalues") end
  for _, v in ipairs(upvalues) do show.variable(v[1], v[2]) end
  if #locals + #upvalues + more.n == 0 then print "no variables" end
end

-- The graph behind a tensor; what a module is made of.
function show.graph(name, value)
  local torch = package.loaded.torch
  if torch.isTensor(value) then
    print(tostring(torch.graph(value)))
  elseif type(value) == "table" and torch.typename(value) and type(value.parameters) == "function" then
    print(tostring(value))
  else
    print(("%s is neither a tensor nor a module"):format(name))
  end
end

-- The tensors among the frame's variables that have a graph.
function show.graphs(frame)
  local torch, any = package.loaded.torch, false
  local locals, upvalues = frames.variables(frame)
  for _, list in ipairs { locals, upvalues } do
    for _, v in ipairs(list) do
      if torch.isTensor(v[2]) and v[2].gradFn then
        any = true
        local graph = torch.graph(v[2])
        local last = graph.nodes[1].name
        print(("%s: %d nodes, the last is %s; `graph %s` shows them"):format(v[1], #graph, last, v[1]))
      end
    end
  end
  if not any then print "no variable of this frame has a graph; `graph x` shows that of x" end
end

return show
