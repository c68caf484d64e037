-- OptionParser: a script's command line, in the form of Python's optparse.

local Parser = {}
Parser.__index = Parser

local function define(xlua)
  --- xlua.OptionParser(usage)
  --
  -- Reads the options of a command line: parser:option{..} for each, then parser:parse().
  --
  -- usage: string for the first line of help; %prog stands for the script
  -- Returns: a parser.  parser:option{ "-n", "--name", action=, dest=, default=, help=, req= } adds an
  --   option: action is "store" (the default; takes a value), "store_true" or "store_false", dest the name
  --   of the result, req makes it needed.  parser:parse([options]) gives a table of values and a list of the
  --   other words of the command line; parser:help() prints what there is, parser:fail(message)
  --   does so too and ends the script, parser:summarize() prints the values, parser:tostring() gives
  --   them as a text
  -- From: Torch7
  -- Example:
  --   parser = xlua.OptionParser("%prog [options]")
  --   parser:option { "-n", "--count", dest = "count", default = 3, help = "how many" }
  --   parser:parse().count --> 3
  function xlua.OptionParser(usage)
    if type(usage) == "table" then usage = usage.usage end
    local self = setmetatable({ usage = usage, option_descriptions = {}, option_of = {} }, Parser)
    self:option { "-h", "--help", action = "store_true", dest = "help", help = "show this message and exit" }
    return self
  end
end

function Parser:option(description)
  table.insert(self.option_descriptions, description)
  for _, flag in ipairs(description) do self.option_of[flag] = description end
end

function Parser:fail(message)
  io.stderr:write(message, "\n")
  self:help()
  os.exit(1)
end

-- The words of the command line; "--name=value" is two.
local function words_of(list)
  local words = {}
  for _, word in ipairs(list) do
    local flag, value = word:match("^(%-%-[%w_-]+)=(.*)")
    words[#words + 1] = flag or word
    words[#words + 1] = value
  end
  return words
end

local function check_required(self, options)
  for _, description in ipairs(self.option_descriptions) do
    if description.req and options[description.dest] == nil then
      self:fail("option " .. description[1] .. " requires an argument")
    end
  end
end

function Parser:parse(options)
  options = options or {}
  local others = {}
  for _, description in ipairs(self.option_descriptions) do
    if options[description.dest] == nil then options[description.dest] = description.default end
  end
  self.options = options
  options.__main__ = rawget(_G, "arg") ~= nil
  if not options.__main__ then return options, others end
  local words, i = words_of(arg), 1
  while words[i] do
    local word = words[i]
    local description = self.option_of[word]
    if description and (description.action or "store") == "store" then
      i = i + 1
      options[description.dest] = words[i] or description.default
      if options[description.dest] == nil then self:fail("option requires an argument " .. word) end
    elseif description then
      options[description.dest] = description.action == "store_true"
    elseif word:find("^%-") then
      self:fail("invalid option " .. word)
    else
      others[#others + 1] = word
    end
    i = i + 1
  end
  if options.help then
    self:help()
    os.exit()
  end
  check_required(self, options)
  return options, others
end

-- "-n COUNT, --count=COUNT"
function Parser:flags(description)
  local flags, takes = {}, (description.action or "store") == "store"
  for i, flag in ipairs(description) do
    local value = takes and (description.metavar or description.dest:upper()) or ""
    flags[i] = flag .. (takes and (#flag == 2 and " " or "=") or "") .. value
  end
  return table.concat(flags, ", ")
end

function Parser:help()
  local words = rawget(_G, "arg") or {}
  local program = words[0] and (words[-1] and words[-1] .. " " .. words[0] or words[0]) or "THISPROG"
  local usage = (self.usage or "%prog"):gsub("%%prog", (program:gsub("%%", "%%%%")))
  io.write("Usage: ", usage, "\n\nOptions:\n")
  local width = 0
  for _, description in ipairs(self.option_descriptions) do
    width = math.max(width, #self:flags(description))
  end
  for _, description in ipairs(self.option_descriptions) do
    local more = description.req and " [REQUIRED]"
      or description.default ~= nil and (" [default = %s]"):format(tostring(description.default)) or ""
    io.write(("  %-" .. width .. "s  %s%s\n"):format(self:flags(description), description.help or "", more))
  end
end

-- Whether the option may stand in a file's name that is made of `wanted` options.
local function is_wanted(key, wanted)
  if not wanted or #wanted == 0 then return true end
  for _, name in ipairs(wanted) do
    if name == key then return true end
  end
  return false
end

-- All values, a line each; or, for a file's name, "-n=3,-m=4".
function Parser:tostring(filename, wanted)
  local parts = {}
  if not filename then
    local script = (rawget(_G, "arg") or {})[0] or "interpreted.lua"
    for name, value in pairs(self.options or {}) do
      parts[#parts + 1] = (" + %s = %s\n"):format(name, tostring(value))
    end
    table.sort(parts)
    return "<" .. script:gsub("%.lua$", "") .. "> configuration:\n" .. table.concat(parts)
  end
  for _, description in ipairs(self.option_descriptions) do
    local value = self.options[description.dest]
    if value and is_wanted(description[1], wanted) then
      parts[#parts + 1] = description[1] .. "=" .. tostring(value)
    end
  end
  return (table.concat(parts, ","):gsub("/", "|"):gsub(" ", "_"))
end

function Parser:summarize(compact)
  io.write(self:tostring(compact))
end

return define
