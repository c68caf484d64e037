-- pretty: tables as text, as Penlight's pl.pretty has them.

local pretty = {}

local keywords = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then "
  .. "true until while"):gmatch("%a+") do keywords[word] = true end

local function key_text(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") and not keywords[key] then return key end
  return "[" .. (type(key) == "string" and ("%q"):format(key):gsub("\\\n", "\\n") or tostring(key)) .. "]"
end

local function in_order(a, b)
  if type(a) ~= type(b) then return type(a) < type(b) end
  if type(a) == "number" or type(a) == "string" then return a < b end
  return tostring(a) < tostring(b)
end

local write

local function write_table(t, space, indent, above)
  if above[t] then return "<cycle>" end
  above[t] = true
  local inner, parts, count = indent .. space, {}, #t
  for i = 1, count do parts[i] = inner .. write(t[i], space, inner, above) end
  local keys = {}
  for key in pairs(t) do
    if math.type(key) ~= "integer" or key < 1 or key > count then keys[#keys + 1] = key end
  end
  table.sort(keys, in_order)
  for _, key in ipairs(keys) do
    local sign = space == "" and "=" or " = "
    parts[#parts + 1] = inner .. key_text(key) .. sign .. write(t[key], space, inner, above)
  end
  above[t] = nil
  if #parts == 0 then return "{}" end
  local line = space == "" and "" or "\n"
  return "{" .. line .. table.concat(parts, "," .. line) .. line .. indent .. "}"
end

function write(value, space, indent, above)
  if type(value) == "string" then return (("%q"):format(value):gsub("\\\n", "\\n")) end
  local mt = getmetatable(value)
  if type(value) ~= "table" or type(mt) == "table" and mt.__tostring then return tostring(value) end
  return write_table(value, space, indent, above)
end

--- pretty.write(t [, space]); pretty.dump(t [, path]); pretty.read(text)
--
-- A table as text, an entry a line; prints it, or writes it into a file; a table of such a text, which may
-- not call anything.
--
-- t: table
-- space: what lines are moved to the right by; "" puts all into one line
-- path, text: strings
-- Returns: write: a string; read: a table, or nil and a message
-- From: Penlight
-- Example:
--   require("pl.pretty").write({ 1, x = { "a" } }, "") --> {1,x={"a"}}
--   require("pl.pretty").read("{ 1, x = 5 }").x --> 5
function pretty.write(t, space)
  return write(t, space or "  ", "", {})
end

function pretty.dump(t, path)
  local text = pretty.write(t)
  if not path then
    print(text)
    return true
  end
  return require("pl.utils").writefile(path, text)
end

function pretty.read(text)
  local bare = text:gsub("\\.", ""):gsub('"[^"\n]*"', "\1"):gsub("'[^'\n]*'", "\1")
  if text:find("%[=*%[") or text:find("%-%-") then return nil, "cannot have long strings and comments" end
  if not bare:find("^%s*{") then return nil, "not a Lua table" end
  for word in bare:gmatch("[%a_][%w_]*") do
    if keywords[word] and word ~= "true" and word ~= "false" and word ~= "nil" then
      return nil, "cannot have the keyword " .. word .. " in a table"
    end
  end
  if bare:find("[%w_%]%)\1]%s*[%({\1]") then return nil, "cannot have calls in a table" end
  local chunk, message = load("return " .. text, "tbl", "t", {})
  if not chunk then return nil, message end
  local ok, value = pcall(chunk)
  if not ok then return nil, value end
  return value
end

return pretty
