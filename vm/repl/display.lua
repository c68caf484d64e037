-- display: values as the REPL prints them.

local pretty = require "cresset.pretty"
local settings = require "cresset.repl.settings"
local terminal = require "xlua._terminal"

local display = {}

-- Not io.write: a user may have pointed it elsewhere by io.output, or given files another `write`.
local stdout, to = io.stdout, io.stdout.write
local function write(...) return to(stdout, ...) end
display.write = write

-- Whether the standard output takes colours: only on a terminal, and not where https://no-color.org asks
-- for none.
function display.colour()
  local no, term = os.getenv "NO_COLOR", os.getenv "TERM"
  return settings.get "colour" and (not no or no == "") and term ~= "dumb" and terminal.isatty(io.stdout)
end

-- The terminal's columns, 80 where there is none.
function display.width()
  return terminal.width(io.stdout) or 80
end

-- A value's text.
function display.text(value)
  return pretty.format(value, {
    colour = display.colour(),
    width = display.width(),
    depth = settings.get "depth",
    most = settings.get "most",
  })
end

-- values.n values as one text: short ones in one line.
function display.joined(values)
  local lines, many = {}, false
  for i = 1, values.n do
    lines[i] = display.text(values[i])
    many = many or lines[i]:find("\n") ~= nil
  end
  return table.concat(lines, many and "\n" or "\t")
end

function display.values(values)
  write(display.joined(values), "\n")
end

-- Text made faint, where there are colours.
function display.faint(text)
  return display.colour() and "\27[2m" .. text .. "\27[0m" or text
end

-- Prints rows of texts in columns; the first row is their heading.  right[k] says that column k has
-- numbers.
function display.rows(rows, right)
  local widths = {}
  for _, row in ipairs(rows) do
    for k, text in ipairs(row) do widths[k] = math.max(widths[k] or 0, utf8.len(text) or #text) end
  end
  for i, row in ipairs(rows) do
    local parts = {}
    for k, text in ipairs(row) do
      local space = (" "):rep(widths[k] - (utf8.len(text) or #text))
      if right and right[k] then
        parts[k] = space .. text
      else
        parts[k] = k < #row and text .. space or text
      end
    end
    local line = table.concat(parts, "  ")
    write(i == 1 and display.faint(line) or line, "\n")
  end
end

-- 1234567 as "1.2 MB".
function display.bytes(n)
  local units = { "B", "kB", "MB", "GB", "TB" }
  local k = 1
  while n >= 1000 and k < #units do n, k = n / 1000, k + 1 end
  return (k == 1 and "%d %s" or "%.1f %s"):format(n, units[k])
end

-- Seconds as "1.2 ms".
function display.seconds(s)
  if s < 1e-6 then return ("%.0f ns"):format(s * 1e9) end
  if s < 1e-3 then return ("%.3g us"):format(s * 1e6) end
  if s < 1 then return ("%.3g ms"):format(s * 1e3) end
  if s < 100 then return ("%.3g s"):format(s) end
  return ("%d min %.0f s"):format(s // 60, s % 60)
end

return display
