-- figures: each has a gnuplot of its own behind a pipe, if there is one; what it shows, and where.

local paths = require "paths"
local sys = require "sys"
local notebook = require "xlua._display"
local program = require "plot.gnuplot"
local commands = require "gnuplot.commands"
local show = require "gnuplot.show"
local raise = require("torch.caller").raise

local figures = { list = {} }

local list = figures.list
local chosen -- by setterm
local WINDOWLESS = "unknown" -- gnuplot's word for a terminal that draws nothing

-- Sends commands, one or several lines.
function figures.send(figure, text)
  if not figure.pipe then return end
  figure.pipe:write(text, "\n")
  figure.pipe:flush()
end

local send = figures.send

-- What the figure is drawn on when it is not in a file; nil: nothing but text.
local function window_terminal()
  if notebook.show then return nil end
  if chosen == nil then chosen = program.windowTerminal() or false end
  return chosen ~= "dumb" and chosen or nil
end

function figures.setTerminal(name)
  chosen = name
end

local function create(n)
  local figure = { number = n, pipe = program.open(), options = {} }
  list[n] = figure
  if not paths.filep(paths.concat(paths.home, ".gnuplot")) then send(figure, commands.look) end
  return figure
end

local function to_window(figure)
  local name = window_terminal()
  send(figure, name and ("set term %s %d"):format(name, figure.number) or "set term " .. WINDOWLESS)
end

-- Makes figure n the current one; without a number a new one.
function figures.select(n)
  if n == nil then n = #list + 1 end
  n = math.type(n) and math.tointeger(n) or raise("gnuplot.figure: the number of a figure expected")
  figures.current = n
  return list[n] or create(n)
end

function figures.window(n)
  local figure = figures.select(n)
  figure.file = nil
  to_window(figure)
  return figure
end

-- gnuplot says nothing that gets here when it cannot write.
local function check_writable(file)
  local there = paths.filep(file)
  local handle, message = io.open(file, "ab")
  if not handle then raise("cannot save to %s", message) end
  handle:close()
  if not there then os.remove(file) end
end

-- A figure that is drawn into a file.
function figures.intoFile(file, name, n)
  local folder = paths.dirname(file)
  if not paths.dirp(folder) then raise("cannot save to %s: directory does not exist", file) end
  check_writable(file)
  local figure = figures.select(n)
  figure.file, figure.terminal = file, name
  send(figure, "set term " .. name)
  return figure
end

function figures.now()
  return list[figures.current] or figures.window(figures.current)
end

local function as_text(figure)
  if chosen ~= "dumb" and not show.onTerminal() then
    show.notice("no window can be opened, so figures are not shown; gnuplot.pngfigure(file) writes them")
  else
    show.text(figure)
  end
  figure.stale = false
end

-- ---- in a notebook ------------------------------------------------------------------------------

local PATIENCE = 20 -- seconds for a picture

-- Has the figure drawn into a file; whether that was done in time.
local function drawn_into(figure, file)
  local done = os.tmpname()
  os.remove(done)
  send(figure, ("set term %s size 640,400"):format(program.firstTerminal("pngcairo", "png")))
  send(figure, "set output " .. program.quote(file))
  send(figure, figure.content and "replot" or "refresh")
  send(figure, "unset output\nset term " .. WINDOWLESS)
  send(figure, ("set print %s\nprint 1\nset print"):format(program.quote(done)))
  local last = sys.clock() + PATIENCE
  while not paths.filep(done) and sys.clock() < last do sys.sleep(0.005) end
  return os.remove(done)
end

local function into_notebook(figure)
  figure.stale = false
  if not figure.pipe or not program.firstTerminal("pngcairo", "png") then return show.inNotebook(figure) end
  local file = os.tmpname()
  if drawn_into(figure, file) then
    notebook.show({ ["text/plain"] = "figure " .. figure.number }, { ["image/png"] = file })
  else
    os.remove(file)
    show.notice "gnuplot drew no picture"
  end
end

-- The figure is shown when the cell is done, with what is set until then.
local function show_later(figure)
  local wanted = notebook.show and figure.drawn and not figure.file
  if wanted then notebook.later(figure, into_notebook) end
  return wanted
end

-- ---- drawing ------------------------------------------------------------------------------------

-- Sends commands that draw; into the file at once where there is one.
local function draw(figure, text)
  if figure.file then send(figure, "set output " .. program.quote(figure.file)) end
  send(figure, text)
  if figure.file then send(figure, "unset output") end
end

-- Shows something: {commands, curves or matrix}.
function figures.show(content)
  local figure = figures.now()
  if figure.content and figure.content.image and not content.image then send(figure, commands.afterImage) end
  figure.content, figure.drawn = content, true
  draw(figure, content.commands)
  if figure.file then
    if not figure.pipe then show.file(figure) end
  elseif not show_later(figure) and not window_terminal() then
    as_text(figure)
  end
end

function figures.raw(text)
  local figure = figures.now()
  if text:find("plot") then figure.drawn, figure.content = true, nil end
  if not figure.pipe then show.notice("gnuplot is not installed, so gnuplot.raw does nothing") end
  send(figure, text)
  show_later(figure)
end

-- Draws the figure anew with what was set since.
function figures.refresh(figure)
  if not figure.drawn then return end
  draw(figure, figure.content and "replot" or "refresh")
  if figure.file and not figure.pipe and figure.content then show.file(figure) end
end

-- Sets something, with what text plots know of it.
function figures.set(text, name, value)
  local figure = figures.now()
  if name then figure.options[name], figure.stale = value, true end
  send(figure, text)
  figures.refresh(figure)
  show_later(figure)
end

function figures.flush(figure)
  figures.refresh(figure)
  if show_later(figure) then return end
  if figure.stale and figure.content and not figure.file and not window_terminal() then as_text(figure) end
end

-- Draws the current figure into a file and goes back to where it was.
function figures.print(file, name)
  check_writable(file)
  local figure = figures.now()
  local before = figure.file
  figure.file = file
  send(figure, "set term " .. name)
  figures.refresh(figure)
  figure.file = before
  if before then
    send(figure, "set term " .. figure.terminal)
  else
    to_window(figure)
  end
end

function figures.close(n)
  local figure = list[n]
  if not figure then return end
  figures.flush(figure)
  send(figure, "quit")
  if figure.pipe then figure.pipe:close() end
  list[n] = nil
  if figures.current == n then figures.current = nil end
end

return figures
