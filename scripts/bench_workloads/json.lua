-- json.lua: results as one line of JSON each: numbers, strings and lists of numbers by name.

local json = {}

-- The fields that come first, in this order.
local order = { "name", "median_us", "min_us", "iters", "peak_rss_mb", "threads", "config", "samples",
  "check" }

local function number(v)
  return math.type(v) == "integer" and tostring(v) or ("%.6g"):format(v)
end

local function value(v)
  if type(v) == "number" then return number(v) end
  if type(v) == "string" then return ('"%s"'):format(v:gsub('[%c"\\]', " ")) end
  local list = {}
  for i, x in ipairs(v) do list[i] = number(x) end
  return "[" .. table.concat(list, ", ") .. "]"
end

local function sorted_names(r)
  local names, rank = {}, {}
  for i, name in ipairs(order) do rank[name] = i end
  for name in pairs(r) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    local i, j = rank[a] or #order + 1, rank[b] or #order + 1
    if i ~= j then return i < j end
    return a < b
  end)
  return names
end

--- One line for a table of results.  A name without a value is left out.
function json.encode(r)
  local parts = {}
  for i, name in ipairs(sorted_names(r)) do parts[i] = ('"%s": %s'):format(name, value(r[name])) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function list(text)
  local values = {}
  for v in text:gmatch("[^%[%],%s]+") do values[#values + 1] = tonumber(v) end
  return values
end

--- The table of a line as encode or Python's json.dumps writes it.
function json.decode(line)
  local r = {}
  for name, text in line:gmatch('"([%w_]+)": (%b[])') do r[name] = list(text) end
  for name, text in line:gmatch('"([%w_]+)": "([^"]*)"') do r[name] = text end
  for name, text in line:gmatch('"([%w_]+)": ([-+%d.eE]+)') do r[name] = tonumber(text) end
  return r
end

return json
