-- pretty.lua: values as text that a person reads, for the REPL.

local pretty = {}

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
    return then true until while]]):gmatch("%a+") do
  keywords[word] = true
end
pretty.keywords = keywords

local escapes = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }

local function quote(s, longest)
  local cut = #s - longest
  if cut > 0 then s = s:sub(1, longest) end
  s = s:gsub('[%c"\\\127]', function(ch)
    return escapes[ch] or ("\\%03d"):format(ch:byte())
  end)
  return cut > 0 and ('"%s"... (%d more bytes)'):format(s, cut) or '"' .. s .. '"'
end

-- What tostring says; an error in a __tostring is no reason to lose the rest.
local function text_of(v)
  local ok, s = pcall(tostring, v)
  if ok then return s end
  if type(s) ~= "string" then s = type(s) == "table" and "(a table)" or type(s) end
  return ("<%s whose __tostring failed: %s>"):format(type(v), s)
end

local function has_tostring(v)
  local mt = debug.getmetatable(v)
  return type(mt) == "table" and rawget(mt, "__tostring") ~= nil
end

local order = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
  local ta, tb = type(a), type(b)
  if ta ~= tb then return (order[ta] or 9) < (order[tb] or 9) end
  if ta == "number" or ta == "string" then return a < b end
  return text_of(a) < text_of(b)
end

local function key_text(k)
  if type(k) ~= "string" then return "[" .. text_of(k) .. "]" end
  if k:find("^[%a_][%w_]*$") and not keywords[k] then return k end
  return "[" .. quote(k, 60) .. "]"
end

local dim, red, green, yellow, plain = "\27[2m", "\27[31m", "\27[32m", "\27[33m", "\27[0m"

local function paint(s, how, state)
  return state.colour and how and how .. s .. plain or s
end

-- What stands for what is left out.
local function rest(state, count)
  return paint(("... (%d more)"):format(count), dim, state)
end

-- How many places the text takes.
local function width_of(s, state)
  return #(state.colour and s:gsub("\27%[%d*m", "") or s)
end

local format

-- The entries of t as texts, the first `most` of them.
local function entries(t, state, depth)
  local out, n, keys = {}, rawlen(t), {}
  state.left = state.left - math.min(n, state.most)
  for i = 1, math.min(n, state.most) do out[i] = format(rawget(t, i), state, depth) end
  if n > state.most then out[#out + 1] = rest(state, n - state.most) end
  for k in next, t do
    if not (math.type(k) == "integer" and k >= 1 and k <= n) then keys[#keys + 1] = k end
  end
  table.sort(keys, before)
  state.left = state.left - math.min(#keys, state.most)
  for i = 1, math.min(#keys, state.most) do
    out[#out + 1] = key_text(keys[i]) .. " = " .. format(rawget(t, keys[i]), state, depth)
  end
  if #keys > state.most then out[#out + 1] = rest(state, #keys - state.most) end
  return out
end

local function format_table(t, state, depth)
  if state.open[t] then return paint("<cycle>", dim, state) end
  if next(t) == nil then return "{}" end
  if depth >= state.depth or state.left <= 0 then return paint("{...}", dim, state) end
  state.open[t] = true
  local list = entries(t, state, depth + 1)
  state.open[t] = nil
  local line = "{" .. table.concat(list, ", ") .. "}"
  local indent = ("  "):rep(depth)
  if width_of(line, state) + #indent <= state.width and not line:find("\n") then return line end
  local inner = "\n" .. indent .. "  "
  return "{" .. inner .. table.concat(list, "," .. inner) .. "\n" .. indent .. "}"
end

-- A tensor's text in colour: its type and size faint, what is no number red.
local function colour(s)
  s = s:gsub("%f[%a]nan%f[%A]", red .. "%0" .. plain):gsub("%-?%f[%a]inf%f[%A]", red .. "%0" .. plain)
  return (s:gsub("%[torch%.[^\n]*$", dim .. "%0" .. plain))
end

-- A nested object takes its own lines, indented; of a tensor only the last line, its type and size.
local function format_object(v, state, depth)
  local s = text_of(v):gsub("\n+$", "")
  if state.colour and type(v) == "userdata" then s = colour(s) end
  if depth == 0 or not s:find("\n") then return s end
  if type(v) == "userdata" then return s:match("[^\n]+$") end
  return (s:gsub("\n", "\n" .. ("  "):rep(depth)))
end

function format(v, state, depth)
  local t = type(v)
  if t == "string" then return depth == 0 and v or paint(quote(v, 200), green, state) end
  if t == "userdata" or (t == "table" and has_tostring(v)) then return format_object(v, state, depth) end
  if t == "table" then return format_table(v, state, depth) end
  local text = text_of(v)
  if t == "number" then return paint(text, text:find("^%-?[ni][an]") and red, state) end
  return paint(text, (t == "function" or t == "thread") and dim or yellow, state)
end

-- The text of a value.  Strings stand raw at the top and quoted inside tables.
-- opts: width (80 columns), depth (4 levels), most (100 entries of a table's each part), colour (false),
-- left (10000 entries in all: tables that share tables would take for ever).
function pretty.format(v, opts)
  opts = opts or {}
  local state = {
    width = opts.width or 80,
    depth = opts.depth or 4,
    most = opts.most or 100,
    colour = opts.colour,
    open = {},
    left = opts.left or 10000,
  }
  return format(v, state, 0)
end

return pretty
