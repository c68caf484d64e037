-- compat51: the names and the number formats of Lua 5.1, for scripts written for Torch7.
--
-- What cannot be had: `"k" .. 4/2` is "k2.0", because Lua 5.4 turns numbers into strings there
-- without asking anyone; setfenv and getfenv do not exist, and libraries choose their path for
-- newer Lua versions by that.

local table, math = table, math -- a host may leave them out
local math_type, floor, raw_format, raw_tostring = math.type, math.floor, string.format, tostring

-- Adds what the host's Lua does not have.
local function add(lib, names)
  for name, value in pairs(names) do
    if lib[name] == nil then lib[name] = value end
  end
end

-- Replaces what behaves otherwise.
local function replace(lib, names)
  for name, value in pairs(names) do lib[name] = value end
end

-- A float that C would have cut to an integer: towards zero; what does not fit is the least integer,
-- as on the machines that Torch7 ran on.
local function truncate(x)
  if math_type(x) ~= "float" then return x end
  if x ~= x then return math.mininteger end
  local whole = x >= 0 and floor(x) or -floor(-x)
  return math_type(whole) == "integer" and whole or math.mininteger
end

-- ---- numbers as text ------------------------------------------------------------------------

local function number_text(x)
  return raw_format("%.14g", x)
end

local function to_text(...)
  local v = ...
  if math_type(v) == "float" then return number_text(v) end
  return raw_tostring(...)
end

-- For each format string: the format to use, the arguments that print as integers ("d") or as text
-- ("s").  Emptied when a script makes too many of them.
local parsed, parsed_count = {}, 0

local function parse(format)
  local plan, argument = {}, 0
  local text = format:gsub("%%([-+ #0]*%d*%.?%d*)(.)", function(flags, letter)
    if letter == "%" then return nil end
    argument = argument + 1
    if letter:find("[dixXouc]") then
      plan[argument] = "d"
    elseif letter:find("[sq]") then
      plan[argument] = "s"
    end
    return letter == "u" and "%" .. flags .. "d" or nil
  end)
  return { text = text, plan = plan }
end

local function format(text, ...)
  if math_type(text) then text = to_text(text) end
  if type(text) ~= "string" then return raw_format(text, ...) end
  local p = parsed[text]
  if not p then
    p = parse(text)
    if parsed_count >= 500 then parsed, parsed_count = {}, 0 end
    parsed[text], parsed_count = p, parsed_count + 1
  end
  if next(p.plan) == nil then return raw_format(p.text, ...) end
  local n, arguments = select("#", ...), { ... }
  for i, kind in pairs(p.plan) do
    local v = arguments[i]
    if kind == "d" then
      if type(v) == "string" then v = tonumber(v) or v end
      arguments[i] = truncate(v)
    elseif math_type(v) == "float" then
      arguments[i] = number_text(v)
    end
  end
  return raw_format(p.text, table.unpack(arguments, 1, n))
end

local raw_print = print

local function print_text(...)
  local n = select("#", ...)
  local values = { ... }
  for i = 1, n do
    if math_type(values[i]) == "float" then values[i] = number_text(values[i]) end
  end
  return raw_print(table.unpack(values, 1, n))
end

local raw_concat = table.concat

local function concat(list, separator, first, last)
  first, last = truncate(first) or 1, truncate(last) or #list
  for i = first, last do
    if math_type(list[i]) == "float" then
      local copy = {}
      for k = first, last do
        local v = list[k]
        copy[k] = math_type(v) == "float" and number_text(v) or v
      end
      return raw_concat(copy, separator, first, last)
    end
  end
  return raw_concat(list, separator, first, last)
end

-- ---- the libraries --------------------------------------------------------------------------

local function maxn(list)
  local most = 0
  for k in pairs(list) do
    if type(k) == "number" and k > most then most = k end
  end
  return most
end

local function foreach(list, visit)
  for k, v in pairs(list) do
    local result = visit(k, v)
    if result ~= nil then return result end
  end
end

local function foreachi(list, visit)
  for i = 1, #list do
    local result = visit(i, list[i])
    if result ~= nil then return result end
  end
end

local function ldexp(x, n)
  return x * 2.0 ^ truncate(n)
end

-- x is m * 2^e with m at least a half and less than one.
local function frexp(x)
  if x == 0 or x ~= x or x == math.huge or x == -math.huge then return x, 0 end
  local e = floor(math.log(math.abs(x), 2)) + 1
  local m = x * 2.0 ^ (-e // 2) * 2.0 ^ (-e - -e // 2) -- two steps: 2^-e itself may overflow
  if math.abs(m) >= 1 then
    m, e = m / 2, e + 1
  elseif math.abs(m) < 0.5 then
    m, e = m * 2, e - 1
  end
  return m, e
end

local function sinh(x)
  if math.abs(x) < 1e-5 then return x + x * x * x / 6 end
  return (math.exp(x) - math.exp(-x)) / 2
end

local function cosh(x)
  return (math.exp(x) + math.exp(-x)) / 2
end

local function tanh(x)
  if math.abs(x) < 1e-5 then return x - x * x * x / 3 end
  if x > 20 then return 1.0 end
  if x < -20 then return -1.0 end
  local e = math.exp(2 * x)
  return (e - 1) / (e + 1)
end

local raw_random, raw_seed = math.random, math.randomseed

local function random(...)
  local n, first, last = select("#", ...), ...
  if n == 0 then return raw_random() end
  if n == 1 then return raw_random(floor(first)) end
  return raw_random(floor(first), floor(last))
end

local function randomseed(seed)
  raw_seed(truncate(tonumber(seed)))
end

local raw_sub, raw_rep = string.sub, string.rep

local function sub(s, first, last)
  return raw_sub(s, truncate(first), truncate(last) or -1)
end

local function rep(s, n, ...)
  return raw_rep(s, truncate(n), ...)
end

local raw_execute = os.execute

-- The number that C's system() gives.
local function execute(command)
  if command == nil then return raw_execute() and 1 or 0 end
  local _, how, code = raw_execute(command)
  return how == "exit" and code * 256 or code
end

local function loadstring(text, name)
  return load(text, name or text)
end

add(_G, { unpack = table.unpack, loadstring = loadstring })
replace(_G, { tostring = to_text, print = print_text })
add(math, {
  pow = function(x, y) return x ^ y end,
  sinh = sinh,
  cosh = cosh,
  tanh = tanh,
  log10 = function(x) return math.log(x, 10) end,
  ldexp = ldexp,
  frexp = frexp,
  mod = math.fmod,
})
replace(math, { random = random, randomseed = randomseed })
add(table, {
  getn = function(list) return #list end,
  maxn = maxn,
  foreach = foreach,
  foreachi = foreachi,
})
replace(table, { concat = concat })
add(string, { gfind = string.gmatch })
replace(string, { format = format, sub = sub, rep = rep })
replace(os, { execute = execute })
add(package, { loaders = package.searchers })

return { truncate = truncate }
