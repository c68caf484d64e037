-- similar: the name that somebody who typed another one may have meant.

local similar = {}

-- How many letters differ: inserted, left out, replaced, or two that changed places (Damerau 1964).
local function distance(a, b, most)
  if math.abs(#a - #b) > most then return most + 1 end
  local before, last = {}, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, last = last, row
  end
  return last[#b]
end

-- The nearest of a list of names, or nil when none is near.  Letters' case counts little.
function similar.best(name, names)
  local most = #name == 1 and 0 or #name <= 3 and 1 or #name <= 6 and 2 or 3
  local best, least = nil, math.huge
  local low = name:lower()
  for _, other in ipairs(names) do
    if other ~= name then
      local d = distance(low, other:lower(), most)
      if other:lower() == low then d = 0.5 end
      if d <= most and (d < least or (d == least and other < best)) then best, least = other, d end
    end
  end
  return best
end

-- Whether the letters of `word` come in `name` in this order, the first one first; both in lower case.
local function has_in_order(name, word)
  if name:byte() ~= word:byte() then return false end
  local at = 1
  for k = 2, #word do
    at = name:find(word:sub(k, k), at + 1, true)
    if not at then return false end
  end
  return true
end

-- Those of a sorted list of names that begin with the word in any case; where there are none, that have it in
-- them; then, that have its letters in this order.
function similar.among(names, word)
  local low, tests = word:lower(), {}
  if #word >= 2 then tests[1] = function(name) return name:sub(1, #low) == low end end
  if #word >= 3 then
    tests[2] = function(name) return name:find(low, 2, true) end
    tests[3] = function(name) return has_in_order(name, low) end
  end
  for _, test in ipairs(tests) do
    local found = {}
    for _, name in ipairs(names) do
      if test(name:lower()) then found[#found + 1] = name end
    end
    if #found > 0 then return found end
  end
  return {}
end

return similar
