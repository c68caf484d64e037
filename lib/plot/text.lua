-- text: curves drawn with characters, for a terminal.

local axis = require "plot.axis"

local WIDTH, HEIGHT = 64, 16
local marks = { "*", "+", "o", "x", "#", "@", "%" }

local function blank()
  local grid = {}
  for row = 1, HEIGHT do
    grid[row] = {}
    for column = 1, WIDTH do grid[row][column] = " " end
  end
  return grid
end

local scattered = { ["+"] = true, ["."] = true, points = true, dots = true }

-- Between two neighbouring points the curve is filled in, so that it does not fall apart.
local function draw_curve(grid, curve, mark, column_of, row_of)
  local last_column, last_row
  for k, y in ipairs(curve.ys) do
    if y == y then
      local column, row = column_of(curve.xs[k]), row_of(y)
      if last_column and not scattered[curve.style] then
        for c = last_column + 1, column - 1 do
          local share = (c - last_column) / (column - last_column)
          grid[math.floor(last_row + share * (row - last_row) + 0.5)][c] = mark
        end
      end
      grid[row][column] = mark
      last_column, last_row = column, row
    end
  end
end

--- The drawing as a string.  curves: {name, xs, ys}; range: {x1, x2, y1, y2}.
return function(curves, range, options)
  local y_axis = axis.new(range.y1, range.y2, 4, options.logscale)
  local span = range.x2 > range.x1 and range.x2 - range.x1 or 1
  local function column_of(x) return 1 + math.floor((x - range.x1) / span * (WIDTH - 1) + 0.5) end
  local function row_of(y) return HEIGHT - math.floor(y_axis.place(y) * (HEIGHT - 1) + 0.5) end
  local grid, legend = blank(), {}
  for index, curve in ipairs(curves) do
    local mark = marks[(index - 1) % #marks + 1]
    draw_curve(grid, curve, mark, column_of, row_of)
    legend[index] = mark .. " " .. tostring(curve.name)
  end
  local labels, width = {}, 0
  for i, value in ipairs(y_axis.marks) do
    labels[row_of(value)] = y_axis.texts[i]
    width = math.max(width, #y_axis.texts[i])
  end
  local lines = {}
  if options.title then lines[1] = (" "):rep(width + 2) .. options.title end
  for row = 1, HEIGHT do
    local label = labels[row] or ""
    lines[#lines + 1] = (("%" .. width .. "s |"):format(label) .. table.concat(grid[row])):gsub("%s+$", "")
  end
  lines[#lines + 1] = (" "):rep(width) .. " +" .. ("-"):rep(WIDTH)
  local left, right = ("%g"):format(range.x1), ("%g"):format(range.x2)
  local middle = options.xlabel or ""
  local gap = WIDTH - #left - #right - #middle
  lines[#lines + 1] = (" "):rep(width + 2) .. left .. (" "):rep(math.max(1, gap // 2)) .. middle
    .. (" "):rep(math.max(1, gap - gap // 2)) .. right
  lines[#lines + 1] = (" "):rep(width + 2) .. table.concat(legend, "   ")
  return table.concat(lines, "\n")
end
