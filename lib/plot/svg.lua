-- svg: curves as a picture in the SVG format, written by ourselves so that it always works.

local axis = require "plot.axis"

local WIDTH, HEIGHT = 720, 440
local LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 55
local colours = { "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b" }

local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function escape(text)
  return (tostring(text):gsub('[&<>"]', escapes))
end

local function text(x, y, anchor, content, more)
  return ('<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>'):format(x, y, anchor, more or "",
    escape(content))
end

local function line(x1, y1, x2, y2, colour)
  return ('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>'):format(x1, y1, x2, y2, colour)
end

local function draw_axes(out, x_axis, y_axis, px, py, options)
  for i, value in ipairs(x_axis.marks) do
    local x = px(value)
    out[#out + 1] = line(x, TOP, x, HEIGHT - BOTTOM, "#e0e0e0")
    out[#out + 1] = text(x, HEIGHT - BOTTOM + 18, "middle", x_axis.texts[i])
  end
  for i, value in ipairs(y_axis.marks) do
    local y = py(value)
    out[#out + 1] = line(LEFT, y, WIDTH - RIGHT, y, "#e0e0e0")
    out[#out + 1] = text(LEFT - 8, y + 4, "end", y_axis.texts[i])
  end
  out[#out + 1] = line(LEFT, TOP, LEFT, HEIGHT - BOTTOM, "#404040")
  out[#out + 1] = line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "#404040")
  local middle = (LEFT + WIDTH - RIGHT) / 2
  if options.title then
    out[#out + 1] = text(middle, 24, "middle", options.title, ' font-size="16"')
  end
  if options.xlabel then out[#out + 1] = text(middle, HEIGHT - 12, "middle", options.xlabel) end
  if options.ylabel then
    local y = (TOP + HEIGHT - BOTTOM) / 2
    out[#out + 1] = text(18, y, "middle", options.ylabel, (' transform="rotate(-90 18 %.1f)"'):format(y))
  end
end

-- How the styles of Torch7's gnuplot look: the points' radius, and what else is drawn.
local styles = { ["+"] = { radius = 3 }, ["."] = { radius = 1 }, ["+-"] = { radius = 3, line = true },
  ["|"] = { boxes = true } }

local function draw_boxes(out, points, colour)
  local width = math.max(1, 0.8 * (WIDTH - LEFT - RIGHT) / #points)
  for _, p in ipairs(points) do
    out[#out + 1] = ('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="none" stroke="%s"/>'):format(
      p[1] - width / 2, p[2], width, math.max(0, HEIGHT - BOTTOM - p[2]), colour)
  end
end

local function draw_curve(out, curve, index, px, py)
  local colour = colours[(index - 1) % #colours + 1]
  local style = styles[curve.style] or { line = true }
  local points, texts = {}, {}
  for k, y in ipairs(curve.ys) do
    if y == y then
      points[#points + 1] = { px(curve.xs[k]), py(y) }
      texts[#points] = ("%.1f,%.1f"):format(points[#points][1], points[#points][2])
    end
  end
  if style.line and #points > 1 then
    out[#out + 1] = ('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>'):format(
      table.concat(texts, " "), colour)
  end
  local radius = style.radius or #points == 1 and 3
  for _, p in ipairs(radius and points or {}) do
    out[#out + 1] = ('<circle cx="%.1f" cy="%.1f" r="%d" fill="%s"/>'):format(p[1], p[2], radius, colour)
  end
  if style.boxes then draw_boxes(out, points, colour) end
  local y = TOP + 10 + 18 * (index - 1)
  out[#out + 1] = line(WIDTH - RIGHT - 30, y, WIDTH - RIGHT - 8, y, colour)
  out[#out + 1] = text(WIDTH - RIGHT - 36, y + 4, "end", curve.name)
end

--- The picture as a string.  curves: {name, xs, ys, style}; range: {x1, x2, y1, y2}.
return function(curves, range, options)
  local x_axis = axis.new(range.x1, range.x2, 8)
  local y_axis = axis.new(range.y1, range.y2, 6, options.logscale)
  local function px(x) return LEFT + x_axis.place(x) * (WIDTH - LEFT - RIGHT) end
  local function py(y) return HEIGHT - BOTTOM - y_axis.place(y) * (HEIGHT - TOP - BOTTOM) end
  local out = {
    ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" '
      .. 'font-size="12">'):format(WIDTH, HEIGHT),
    ('<rect width="%d" height="%d" fill="white"/>'):format(WIDTH, HEIGHT),
  }
  draw_axes(out, x_axis, y_axis, px, py, options)
  for index, curve in ipairs(curves) do draw_curve(out, curve, index, px, py) end
  out[#out + 1] = "</svg>\n"
  return table.concat(out, "\n")
end
