-- hist: how many numbers lie in each of some ranges, also as text.

local torch = require "torch"

local HEIGHT = 8
local eighths = { [0] = " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }

-- A row of bars, from the top; each bar's height is in eighths of a row.
local function bar_rows(h)
  local most, rows = math.max(h[h.max].nb, 1), {}
  for row = HEIGHT - 1, 0, -1 do
    local cells = {}
    for i = 1, #h do
      local filled = math.ceil(h[i].nb / most * HEIGHT * 8) - row * 8
      cells[i] = eighths[math.max(0, math.min(8, filled))]
    end
    rows[#rows + 1] = table.concat(cells)
  end
  return rows
end

local Histogram = {}

function Histogram.__tostring(h)
  local rows, most = bar_rows(h), ("%d"):format(h[h.max].nb)
  for i, row in ipairs(rows) do
    rows[i] = (("%" .. #most .. "s |"):format(i == 1 and most or "") .. row):gsub("%s+$", "")
  end
  local half = h.binwidth / 2
  local low, high = ("%g"):format(h[1].val - half), ("%g"):format(h[#h].val + half)
  rows[#rows + 1] = (" "):rep(#most) .. " +" .. ("-"):rep(#h)
  rows[#rows + 1] = (" "):rep(#most + 2) .. low .. (" "):rep(math.max(1, #h - #low - #high)) .. high
  return table.concat(rows, "\n")
end

-- Torch7's table: [i] = { val = the middle of range i, nb = how many }, raw, max and min (the fullest and
-- the emptiest range), bins, binwidth.
return function(x, bins, low, high)
  local counts = torch.histc(x, bins, low, high)
  local h = { raw = counts, bins = bins, binwidth = (high - low) / bins }
  for i, count in ipairs(counts:totable()) do
    h[i] = { val = low + (i - 0.5) * h.binwidth, nb = count }
  end
  h.max, h.min = counts:argmax(), counts:argmin()
  return setmetatable(h, Histogram)
end
