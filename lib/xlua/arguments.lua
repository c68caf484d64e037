-- arguments: functions with named arguments that tell how they are used.

local raise = require("torch.caller").raise
local torch = require "torch"

local BANNER = ("+"):rep(69)

local function is_name(key)
  return type(key) == "string" and key:find("^[%a_][%w_]*$") ~= nil
end

return function(xlua)
  local function value_string(value)
    if type(value) == "table" then return xlua.table2string(value) end
    if type(value) ~= "string" then return tostring(value) end
    if value:find('"') and not value:find("'") then return "'" .. value:gsub("\n", "\\n") .. "'" end
    return '"' .. value:gsub("\n", "\\n"):gsub('"', '\\"') .. '"'
  end

  --- xlua.table2string(t [, lines])
  --
  -- A table as text, nested ones too.
  --
  -- t: table
  -- lines: true for an entry a line
  -- Returns: a string; named entries are in the order of their names
  -- From: Torch7
  -- Example:
  --   xlua.table2string { 1, "two", x = { y = true } } --> {1,"two",x={y=true}}
  function xlua.table2string(t, lines)
    local parts, named = {}, {}
    for i, value in ipairs(t) do parts[i] = value_string(value) end
    local count = #parts
    for key, value in pairs(t) do
      if math.type(key) ~= "integer" or key < 1 or key > count then
        local name = is_name(key) and key or "[" .. value_string(key) .. "]"
        named[#named + 1] = name .. (lines and " : " or "=") .. value_string(value)
      end
    end
    table.sort(named)
    table.move(named, 1, #named, count + 1, parts)
    if lines then return "{\n   " .. table.concat(parts, "\n   ") .. "\n}" end
    return "{" .. table.concat(parts, ",") .. "}"
  end

  -- One line about an argument.
  local function describe(definition, named)
    local key = named and definition.arg .. " = " .. definition.type or definition.type
    if not definition.req then key = "[" .. key .. "]" end
    local default = definition.default
    if default ~= nil then
      default = type(default) == "table" and xlua.table2string(default) or tostring(default)
      default = "  [default = " .. default .. "]"
    elseif definition.defaulta then
      default = "  [default == " .. definition.defaulta .. "]"
    end
    return ("    %-36s-- %s%s"):format(key, definition.help or "", default or "")
  end

  --- xlua.usage(name, description, example, ...)
  --
  -- A text that says how a function is used.
  --
  -- name, description, example: strings; the last two may be nil
  -- ...: the arguments, tables of arg, type, help, req (true when it is needed) and default
  -- Returns: a string
  -- From: Torch7
  -- Example:
  --   text = xlua.usage("f", "does it", nil, { arg = "n", type = "number", help = "how many", req = true })
  --   text:find("n = number", 1, true) ~= nil --> true
  function xlua.usage(name, description, example, ...)
    local definitions = { ... }
    if definitions[1] and definitions[1].tabled then definitions = definitions[1].tabled end
    local named = definitions[1] and definitions[1].arg ~= nil
    local lines = { BANNER, name }
    if description then lines[#lines + 1] = "\n" .. description end
    lines[#lines + 1] = "\n> usage:\n" .. name .. (named and "{" or "(")
    for _, definition in ipairs(definitions) do
      if definition == "" then -- another form of the call follows
        lines[#lines + 1] = ")\n" .. name .. "("
      else
        lines[#lines + 1] = describe(definition, named)
      end
    end
    lines[#lines + 1] = named and "}" or ")"
    if example then lines[#lines + 1] = "\n" .. example end
    lines[#lines + 1] = BANNER
    return table.concat(lines, "\n")
  end

  -- The arguments by name, from one table of named ones or from their order.
  local function by_name(args, definitions)
    local first = args[1]
    local plain = type(first) == "table" and torch.typename(first) == nil
    if #args == 1 and plain and #first == 0 then return first end
    local given = {}
    for i, definition in ipairs(definitions) do given[definition.arg] = args[i] end
    return given
  end

  --- xlua.unpack(args, name, description, ...); xlua.unpack_class(object, args, name, description, ...)
  --
  -- The arguments of a function that takes them by name, f{ x = 1 }, or in order, f(1).  unpack_class sets
  -- them as fields of an object.
  --
  -- args: what the function was called with, {...}
  -- name, description: strings for the message when something is missing
  -- ...: the arguments, as for xlua.usage; defaulta names another one whose value is the default
  -- object: table
  -- Returns: unpack: a table of the values by name and in order, then the values
  -- Errors: there are no arguments, or one that is needed is missing; its usage is printed
  -- From: Torch7
  -- Example:
  --   function area(...)
  --     local _, w, h = xlua.unpack({ ... }, "area", nil, { arg = "w", type = "number", req = true },
  --       { arg = "h", type = "number", default = 2 })
  --     return w * h
  --   end
  --   area(5), area { w = 3, h = 4 } --> 10 12
  function xlua.unpack(args, name, description, ...)
    local definitions, values = { ... }, {}
    local usage = setmetatable({}, { __tostring = function()
      return xlua.usage(name, description, nil, { tabled = definitions })
    end })
    if #args == 0 and next(args) == nil then
      print(usage)
      raise("%s: arguments expected", name)
    end
    local given = by_name(args, definitions)
    for i, definition in ipairs(definitions) do
      local value = given[definition.arg]
      if value == nil and definition.req then
        print(usage)
        raise("%s: missing argument: %s", name, definition.arg)
      end
      if value == nil then value = definition.default end
      if value == nil and definition.defaulta then value = values[definition.defaulta] end
      values[definition.arg], values[i] = value, value
    end
    values.usage = usage
    return values, table.unpack(values, 1, #definitions)
  end

  function xlua.unpack_class(object, args, name, description, ...)
    for key, value in pairs((xlua.unpack(args, name, description, ...))) do
      if type(key) ~= "number" then object[key] = value end
    end
  end

  --- xlua.usage_module(module, name, description)
  --
  -- Gives a package a text that tostring shows.
  --
  -- module: table
  -- name, description: strings
  -- Returns: the text
  -- From: Torch7
  -- Example:
  --   xlua.usage_module({}, "mine", "does things"):find("does things") ~= nil --> true
  function xlua.usage_module(module, name, description)
    local lines = { BANNER, "PACKAGE:", name, BANNER }
    if description then table.insert(lines, 4, "\nDESC:\n" .. description) end
    local text = table.concat(lines, "\n")
    local mt = getmetatable(module) or {}
    mt.__tostring = function() return text end
    setmetatable(module, mt)
    return text
  end

  --- xlua.envparams(defaults)
  --
  -- Options from environment variables: `lr=0.1 cresset train.lua`.
  --
  -- defaults: table of values by name
  -- Returns: a table of the values, those of the environment in place of the defaults, of the same type
  -- Errors: a variable for a number is none
  -- From: Torch7
  -- Example:
  --   xlua.envparams({ no_such_variable = 5 }).no_such_variable --> 5
  function xlua.envparams(defaults)
    local values = {}
    for name, default in pairs(defaults) do
      local text = os.getenv(name)
      local value = text == nil and default or text
      if text and type(default) == "number" then
        value = tonumber(text) or raise("xlua.envparams: %s=%s is no number", name, text)
      elseif text and type(default) == "boolean" and (text:lower() == "true" or text:lower() == "false") then
        value = text:lower() == "true"
      end
      values[name] = value
    end
    return values
  end
end
