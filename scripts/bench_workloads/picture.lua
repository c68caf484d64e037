-- picture.lua: the ratios as a picture: a bar a workload on a logarithmic axis, the goal of each kind.

local WIDTH, LEFT, RIGHT, ROW, TOP = 860, 250, 60, 16, 56
local DASHED = ' stroke-width="2" stroke-dasharray="4 2"'
local TITLE = "Cresset's figure over PyTorch's: below 1 Cresset is ahead"
local GOOD, BAD, GOAL = "#2ca02c", "#d62728", "#101010" -- the first for bars within their goal
local MARKS = { 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100 }

local function text(x, y, anchor, more, content)
  return ('<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>'):format(x, y, anchor, more, content)
end

local function line(x, y1, y2, colour, more)
  return ('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"%s/>'):format(x, y1, x, y2, colour, more)
end

-- Where a ratio is, from LEFT on: a function, and the marks on the axis.
local function axis(groups)
  local low, high = 0.2, 2 -- at least
  for _, group in ipairs(groups) do
    for _, row in ipairs(group) do
      low, high = math.min(low, row.ratio / 1.1), math.max(high, row.ratio * 1.1)
    end
  end
  local span = math.log(high / low)
  local function place(ratio)
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log(ratio / low) / span
  end
  local marks = {}
  for _, mark in ipairs(MARKS) do
    if mark >= low and mark <= high then marks[#marks + 1] = mark end
  end
  return place, marks
end

local function bar(row, y, place)
  local from, to = place(1), place(row.ratio)
  local good = row.ratio <= (row.kind.each or 1)
  return ('<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>'):format(math.min(from, to), y,
    math.abs(to - from), ROW - 4, good and GOOD or BAD)
    .. text(LEFT - 8, y + 10, "end", "", row.name)
    .. text(WIDTH - 8, y + 10, "end", "", ("%.2f"):format(row.ratio))
end

--- The picture of report.groups(rows), as a string.
return function(groups)
  local place, marks = axis(groups)
  local out, y = {}, TOP
  for _, group in ipairs(groups) do
    local goal = group.kind.goal
    out[#out + 1] = text(8, y + 12, "start", ' font-weight="bold"', group.title
      .. (": %.2f"):format(group.mean) .. (goal and ("; goal %.2f"):format(goal) or ""))
    y = y + ROW + 4
    local top = y
    for _, row in ipairs(group) do
      out[#out + 1] = bar(row, y, place)
      y = y + ROW
    end
    if goal then out[#out + 1] = line(place(goal), top - 3, y, GOAL, DASHED) end
    y = y + 8
  end
  local grid = {}
  for i, mark in ipairs(marks) do
    grid[i] = line(place(mark), TOP - 6, y, mark == 1 and "#404040" or "#e0e0e0", "")
      .. text(place(mark), TOP - 12, "middle", "", ("%g"):format(mark))
  end
  local lines = {
    ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" '
      .. 'font-size="11">'):format(WIDTH, y),
    '<rect width="100%" height="100%" fill="white"/>',
    text(WIDTH / 2, 20, "middle", ' font-size="15"', TITLE),
    table.concat(grid, "\n"), table.concat(out, "\n"), "</svg>\n",
  }
  return table.concat(lines, "\n")
end
