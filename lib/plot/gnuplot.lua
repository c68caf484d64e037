-- gnuplot: the program gnuplot: whether it is there, what it can draw on, a pipe to it, and curves as a
-- PNG picture.

local paths = require "paths"
local system = require "paths._system"

local gnuplot = {}

local found, terminals = nil, {} -- by program

-- The program, or nil.
function gnuplot.program()
  found = found or paths.findprogram("gnuplot")
  return found
end

function gnuplot.setProgram(path)
  found = path
end

function gnuplot.available()
  return gnuplot.program() ~= nil
end

-- A word for the shell.
local function word(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Whether the program has a terminal, as it calls what it draws on.
function gnuplot.hasTerminal(name)
  local program = gnuplot.program()
  if not program then return false end
  if not terminals[program] then
    local pipe = io.popen(word(program) .. " -e 'set terminal' 2>&1 </dev/null")
    local names = {}
    for line in (pipe and pipe:read("a") or ""):gmatch("[^\n]+") do
      local terminal = line:match("^%s+([%w_]+)%s")
      if terminal then names[terminal] = true end
    end
    if pipe then pipe:close() end
    terminals[program] = names
  end
  return terminals[program][name:match("^%S*")] == true
end

-- The first of some terminals that the program has.
function gnuplot.firstTerminal(...)
  for _, name in ipairs { ... } do
    if gnuplot.hasTerminal(name) then return name end
  end
end

-- Whether a window can be opened.  A display on this machine has a socket; one that is forwarded is tried.
local function has_display()
  if paths.is_mac() or (os.getenv("WAYLAND_DISPLAY") or "") ~= "" then return true end
  local host, number = (os.getenv("DISPLAY") or ""):match("^(.-):(%d+)")
  if not host then return false end
  if host ~= "" and host ~= "unix" then return true end
  return system.kind("/tmp/.X11-unix/X" .. number) ~= nil
end

-- The terminal for windows; nil where there are none.
function gnuplot.windowTerminal()
  return has_display() and gnuplot.firstTerminal("aqua", "wxt", "qt", "x11") or nil
end

-- A pipe to the program.  Should it end early, the rest of what is written goes nowhere, because a broken
-- pipe would end this process; Ctrl-C is for us, not for it.
function gnuplot.open()
  local program = gnuplot.program()
  if not program then return nil end
  return io.popen("trap '' INT; " .. word(program) .. " -persist >/dev/null 2>&1; cat >/dev/null", "w")
end

-- Text in single quotes, where gnuplot takes every character for itself.
function gnuplot.quote(text)
  return "'" .. tostring(text):gsub("'", "''"):gsub("%c", " ") .. "'"
end

-- A number as gnuplot reads it.
function gnuplot.number(x)
  return x == x and ("%.9g"):format(x) or "NaN"
end

local quote, number = gnuplot.quote, gnuplot.number

-- What Torch7's package calls the ways to draw a curve.
local styles = {
  ["+"] = "with points", ["."] = "with dots", ["-"] = "with lines", ["+-"] = "with linespoints",
  ["|"] = "with boxes", ["~"] = "smooth csplines", v = "with vectors", V = "with vectors",
}
for _, name in ipairs { "points", "dots", "lines", "linespoints", "boxes", "vectors" } do
  styles[name] = "with " .. name
end
styles.csplines, styles.acsplines = "smooth csplines", "smooth acsplines"

-- gnuplot's words for a way to draw; what is none of them is meant for gnuplot itself.
function gnuplot.style(format)
  return styles[format] or format
end

local function script(terminal, filename, curves, options)
  local out = {
    ("set terminal %s size 720,440 noenhanced"):format(terminal),
    "set output " .. quote(filename),
    "set grid",
    "set key top right",
  }
  for _, name in ipairs { "title", "xlabel", "ylabel" } do
    if options[name] then out[#out + 1] = ("set %s %s"):format(name, quote(options[name])) end
  end
  if options.logscale then out[#out + 1] = "set logscale y" end
  local parts = {}
  for i, curve in ipairs(curves) do
    out[#out + 1] = ("$data%d << CURVE"):format(i)
    for k, y in ipairs(curve.ys) do
      if y == y then out[#out + 1] = number(curve.xs[k]) .. " " .. number(y) end
    end
    out[#out + 1] = "CURVE"
    local style = styles[curve.style] or (#curve.ys == 1 and "with points" or "with lines")
    if style:find("^smooth") then style = style .. " with lines" end
    if style:find("lines$") then style = style .. " linewidth 2" end
    parts[i] = ("$data%d using 1:2 %s title %s"):format(i, style, quote(curve.name))
  end
  out[#out + 1] = "plot " .. table.concat(parts, ", ")
  return table.concat(out, "\n") .. "\n"
end

-- Writes the picture; false when gnuplot could not.
function gnuplot.write(filename, curves, options)
  for _, terminal in ipairs { "pngcairo", "png" } do
    local pipe = gnuplot.hasTerminal(terminal) and io.popen(word(gnuplot.program()) .. " 2>/dev/null", "w")
    if pipe then
      pipe:write(script(terminal, filename, curves, options))
      if pipe:close() then return true end
    end
  end
  return false
end

return gnuplot
