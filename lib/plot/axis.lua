-- axis: the range of an axis and where its marks go.

local axis = {}

-- The step of 1, 2 or 5 times a power of ten that gives about n marks.
local function nice_step(span, n)
  local raw = span / n
  local power = 10 ^ math.floor(math.log(raw, 10))
  for _, factor in ipairs { 1, 2, 5 } do
    if raw <= factor * power * 1.0001 then return factor * power end
  end
  return 10 * power
end

-- A mark's text.
function axis.text(value, step)
  if math.abs(value) < step * 1e-6 then return "0" end
  if math.abs(value) >= 1e6 or step < 1e-4 then return ("%.3g"):format(value) end
  local digits = math.max(0, math.ceil(-math.log(step, 10) - 1e-9))
  return ("%." .. digits .. "f"):format(value)
end

-- An axis over low..high: {low, high, step, marks = {values}, place(value) -> 0..1}.  With log the
-- marks are powers of ten.
function axis.new(low, high, count, log)
  if log then
    low, high = math.log(low, 10), math.log(high, 10)
  end
  if high - low < 1e-12 * math.max(1, math.abs(high)) then
    local pad = math.max(math.abs(low) * 0.1, 0.5)
    low, high = low - pad, high + pad
  end
  local step = nice_step(high - low, count)
  if log then step = math.max(1, math.floor(step + 0.5)) end
  local first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
  local a = { low = first * step, high = last * step, step = step, marks = {}, texts = {} }
  for k = first, last do
    local value = k * step
    a.marks[#a.marks + 1] = log and 10 ^ value or value
    a.texts[#a.texts + 1] = log and ("1e%d"):format(math.floor(value + 0.5)) or axis.text(value, step)
  end
  function a.place(value)
    if log then value = math.log(value, 10) end
    return (value - a.low) / (a.high - a.low)
  end
  return a
end

return axis
