-- lapp: a script's command line from the text of its help, as Penlight's pl.lapp reads it.

local lapp = { usage_prefix = "Usage: " }

local usage = ""

function lapp.quit(message, without_usage)
  if message then io.stderr:write(message, "\n\n") end
  if not without_usage then io.stderr:write(usage) end
  os.exit(1)
end

function lapp.error(message, without_usage)
  local script = (rawget(_G, "arg") or {})[0] or "lapp"
  lapp.quit(script:match("[^/]*$") .. ": " .. message, without_usage)
end

-- ---- reading the text -----------------------------------------------------------------------------------

local function unquote(s)
  return s:match('^"(.*)"$') or s:match("^'(.*)'$") or s
end

-- What stands in brackets: a type, "default x", both, or a range.
local function read_kind(option, text)
  local default = text:match("default%s+(.+)$")
  local kind = text:gsub("%s*,?%s*default%s+.+$", ""):match("^%s*(.-)%s*$")
  local low, high = kind:match("^([-%d.]+)%.%.([-%d.]+)$")
  if low then
    option.low, option.high, kind = tonumber(low), tonumber(high), "number"
  elseif kind:find("|") then
    option.choices = kind
    kind = "string"
  end
  if default then
    local bare = unquote(default)
    option.has_default = true
    if kind == "" then
      local truth = bare == default and (bare == "true" or bare == "false")
      kind = bare == default and tonumber(bare) and "number" or truth and "boolean"
        or (bare == "stdin" and "file-in") or (bare == "stdout" and "file-out") or "string"
    end
    default = bare
  end
  option.kind, option.default = kind ~= "" and kind or "string", default
end

-- One line of the help; nil when it is only text.
local function read_line(line)
  local option = {}
  local body = line:match("^%s*(.*)$")
  local rest
  local short, long, more = body:match("^%-(%w),%s*%-%-([%w_%-]+)(.*)$")
  if short then
    option.short, option.name, rest = short, long, more
  else
    long, more = body:match("^%-%-([%w_%-]+)(.*)$")
    if long then
      option.name, rest = long, more
    else
      short, more = body:match("^%-(%w)(.*)$")
      if short and more:find("^[%s%.]") then
        option.short, option.name, rest = short, short, more
      else
        long, more = body:match("^<([%w_%-]+)>(.*)$")
        if not long then return nil end
        option.name, option.positional, rest = long, true, more
      end
    end
  end
  if rest:find("^%.%.%.") then option.many, rest = true, rest:sub(4) end
  option.key = option.name:gsub("[^%w]", "_")
  local kind = rest:match("^%s*(%b())")
  if kind then
    read_kind(option, kind:sub(2, -2))
  else
    option.kind = option.positional and "string" or "boolean"
  end
  return option
end

-- ---- the command line -------------------------------------------------------------------------------------

local files = { ["stdin"] = io.stdin, ["stdout"] = io.stdout, ["stderr"] = io.stderr }

local function convert(option, text)
  local kind = option.kind
  if kind == "number" or kind == "int" or kind == "integer" then
    local x = tonumber(text)
    if not x then lapp.error(option.name .. ": unable to convert to number: " .. text) end
    if kind ~= "number" and x ~= math.floor(x) then lapp.error(option.name .. " must be an integer") end
    if option.low and (x < option.low or x > option.high) then
      lapp.error(("%s out of range: %s..%s"):format(option.name, option.low, option.high))
    end
    return x
  elseif kind == "boolean" or kind == "bool" then
    return text == true or text == "true"
  elseif kind == "file-in" or kind == "file-out" then
    local file, message = files[text], nil
    if not file then file, message = io.open(text, kind == "file-in" and "r" or "w") end
    return file or lapp.error(message)
  elseif option.choices and not ("|" .. option.choices .. "|"):find("|" .. text .. "|", 1, true) then
    lapp.error(("value '%s' not in %s"):format(text, option.choices))
  end
  return text
end

local function set(values, option, text)
  local value = convert(option, text)
  if option.many then
    values[option.key] = values[option.key] or {}
    table.insert(values[option.key], value)
  else
    values[option.key] = value
  end
end

-- Takes the words of the command line in turn.
local function parse(options, by_flag, positional, words)
  local values, place, i = {}, 1, 1
  local only_names = false
  while words[i] do
    local word = words[i]
    local name, value = word:match("^%-%-([%w_%-]+)=?(.*)$")
    if word == "--" then
      only_names = true
    elseif not only_names and (name or word:find("^%-%a")) then
      if not name then name, value = word:sub(2, 2), word:sub(3) end
      local option = by_flag[name]
      if not option then lapp.error("unknown parameter '" .. name .. "'") end
      if option.kind == "boolean" and not option.has_default then
        set(values, option, true)
        if word:sub(2, 2) ~= "-" and value ~= "" then -- "-abc" is "-a -bc"
          words[i] = "-" .. value
          i = i - 1
        end
      else
        if value == "" then
          i = i + 1
          value = words[i] or lapp.error("missing value for '" .. name .. "'")
        end
        set(values, option, value)
      end
    else
      local option = positional[place]
      if option then
        set(values, option, word)
        if not option.many then place = place + 1 end
      else
        values[#values + 1] = word
      end
    end
    i = i + 1
  end
  for _, option in ipairs(options) do
    if values[option.key] == nil then
      if option.has_default then
        set(values, option, option.default)
      elseif option.kind == "boolean" then
        values[option.key] = false
      else
        lapp.error("missing required parameter: " .. option.name)
      end
    end
  end
  return values
end

--- lapp.process_options_string(text [, words]); lapp.error(message); lapp.quit(message)
--
-- Reads the command line by the text of its help, also called as lapp(text): a line "-n,--name (default 5)
-- what it is" is an option; "(number)", "(int)", "(string)", "(file-in)", "(1..10)" or "(a|b)" in brackets
-- say what it takes; without brackets it is a switch; "<name> (string)" takes a word by its place, "..."
-- behind a name several.  error and quit print a message and the text, and end the script.
--
-- text, message: strings
-- words: a list, by default the script's own
-- Returns: a table of values by name, with _ in place of -
-- From: Penlight
-- Example:
--   lapp = require "pl.lapp"
--   opt = lapp("-n,--count (default 5) how many\n-v,--verbose say more", { "-v", "--count", "7" })
--   opt.count, opt.verbose --> 7 true
function lapp.process_options_string(text, words)
  usage = text
  local options, by_flag, positional = {}, {}, {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local option = read_line(line)
    if option then
      options[#options + 1] = option
      if option.positional then
        positional[#positional + 1] = option
      else
        by_flag[option.name] = option
        if option.short then by_flag[option.short] = option end
      end
    end
  end
  words = table.move(words or rawget(_G, "arg") or {}, 1, #(words or rawget(_G, "arg") or {}), 1, {})
  for _, word in ipairs(words) do
    if (word == "--help" or word == "-h") and not by_flag[word:match("%a+")] then
      io.write(usage, "\n")
      os.exit(0)
    end
  end
  return parse(options, by_flag, positional, words)
end

return setmetatable(lapp, {
  __call = function(_, text, words) return lapp.process_options_string(text, words) end,
})
