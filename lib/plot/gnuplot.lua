-- gnuplot: curves as a PNG picture, by the program gnuplot through a pipe.

local paths = require "paths"

local gnuplot = {}

function gnuplot.available()
  return paths.findprogram("gnuplot") ~= nil
end

local function quote(text)
  return "'" .. tostring(text):gsub("'", "''"):gsub("%c", " ") .. "'"
end

local styles = { ["+"] = "points", ["."] = "dots", ["-"] = "lines", ["~"] = "lines smooth csplines",
  ["|"] = "boxes", ["+-"] = "linespoints" }

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
      if y == y then out[#out + 1] = ("%.9g %.9g"):format(curve.xs[k], y) end
    end
    out[#out + 1] = "CURVE"
    local style = styles[curve.style] or (#curve.ys == 1 and "points" or "lines")
    parts[i] = ("$data%d using 1:2 %s title %s"):format(i,
      style:find("smooth") and "smooth csplines with lines" or "with " .. style
        .. (style == "lines" and " linewidth 2" or ""), quote(curve.name))
  end
  out[#out + 1] = "plot " .. table.concat(parts, ", ")
  return table.concat(out, "\n") .. "\n"
end

-- Writes the picture; false when gnuplot could not.
function gnuplot.write(filename, curves, options)
  for _, terminal in ipairs { "pngcairo", "png" } do
    local pipe = io.popen("gnuplot 2>/dev/null", "w")
    if not pipe then return false end
    pipe:write(script(terminal, filename, curves, options))
    if pipe:close() then return true end
  end
  return false
end

return gnuplot
