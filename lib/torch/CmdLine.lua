-- CmdLine: torch.CmdLine, a script's options: `-name value`, flags, arguments in order, and help.

return function(torch)
  local CmdLine = torch.class("torch.CmdLine", torch)

  --- torch.CmdLine([argument_separator [, key_separator]])
  --
  -- The options of a script: `-name value`, flags, arguments in order, and the help on them.
  --
  -- argument_separator: string between the parts of the names that cmd:string makes, "," by default
  -- key_separator: string in them between name and value, "=" by default
  -- Returns: a torch.CmdLine
  -- From: Torch7
  -- Example:
  --   cmd = torch.CmdLine()
  --   cmd:option("-rate", 0.1, "step size")
  --   cmd:parse({ "-rate", "0.5" }).rate --> 0.5
  function CmdLine:__init(argument_separator, key_separator)
    self.argseparator, self.keyseparator = argument_separator or ",", key_separator or "="
    self.options, self.arguments, self.helplines = {}, {}, {}
    self.silentio = false
  end

  -- "-learningRate" is the parameter learningRate.
  local function bare(key)
    return (key:gsub("^%-*", ""))
  end

  --- cmd:text([text])
  --
  -- Adds a line to the help.
  --
  -- text: string; an empty line by default
  -- From: Torch7
  -- Example:
  --   torch.CmdLine():text("Trains a network.")
  function CmdLine:text(text)
    if text ~= nil and type(text) ~= "string" then error("CmdLine:text: a string expected", 2) end
    self.helplines[#self.helplines + 1] = text or ""
  end

  --- cmd:argument(key [, help [, kind]])
  --
  -- An argument that must be given, in the order of these calls.
  --
  -- key: its name in the parameters, as "file" or "<file>"
  -- help: string
  -- kind: "number" converts it; otherwise it is a string
  -- From: Torch7
  -- Example:
  --   cmd = torch.CmdLine()
  --   cmd:argument("file", "what to read")
  --   cmd:parse({ "a.txt" }).file --> a.txt
  function CmdLine:argument(key, help, kind)
    local entry = { key = key, help = help, type = kind, isArgument = true }
    self.arguments[#self.arguments + 1] = entry
    self.helplines[#self.helplines + 1] = entry
  end

  --- cmd:option(key, default [, help [, kind]])
  --
  -- An option and its default, whose type is the option's.  A boolean takes no value: being given turns
  -- the default round.
  --
  -- key: name with its dash, as "-rate"; --rate is taken too
  -- default: number, string or boolean
  -- help: string
  -- kind: name of the default's type
  -- Errors: there is no default, or it is of another type
  -- From: Torch7
  -- Example:
  --   cmd = torch.CmdLine()
  --   cmd:option("-quiet", false, "print less")
  --   cmd:parse({ "-quiet" }).quiet --> true
  function CmdLine:option(key, default, help, kind)
    if default == nil then error(("CmdLine:option: %s has no default"):format(tostring(key)), 2) end
    kind = kind or type(default)
    if type(default) ~= kind then
      error(("CmdLine:option: %s: the default is a %s, not a %s"):format(key, type(default), kind), 2)
    end
    local entry = { key = key, default = default, help = help, type = kind }
    self.options[key] = entry
    self.helplines[#self.helplines + 1] = entry
  end

  --- The parameters when nothing is given.
  --
  -- Returns: a table
  -- From: Torch7
  -- Example:
  --   cmd = torch.CmdLine()
  --   cmd:option("-rate", 0.1)
  --   cmd:default().rate --> 0.1
  function CmdLine:default()
    local params = {}
    for key, option in pairs(self.options) do params[bare(key)] = option.default end
    return params
  end

  --- cmd:error(message); cmd:help([arg])
  --
  -- Prints the options, what they mean and their defaults; error prints a message before, both to the
  -- standard error, and ends the program with code 1.
  --
  -- message: string
  -- arg: the command line, for the name of the script
  -- From: Torch7
  -- Example:
  --   torch.CmdLine().error ~= nil --> true
  function CmdLine:error(message)
    io.stdout:flush()
    io.stderr:write(message, "\n\n")
    self:_writeHelp(io.stderr)
    os.exit(1, true)
  end

  -- The option for what was typed; --name is taken for -name when only that exists, and the reverse.
  local function find_option(self, typed)
    local options = self.options
    return options[typed] or (typed:find("^%-") and (options["-" .. bare(typed)]
      or options["--" .. bare(typed)])) or nil
  end

  local function convert(self, what, text, kind)
    if kind == "number" then
      local x = tonumber(text)
      if x == nil then self:error(("invalid value for %s: '%s' is no number"):format(what, text)) end
      return x
    end
    if kind ~= nil and kind ~= "string" then
      self:error(("%s: values of type %s cannot be given"):format(what, kind))
    end
    return text
  end

  function CmdLine:__readOption__(params, arg, i, option, value)
    local key = bare(option.key)
    if option.type == "boolean" then
      if value then self:error(("option %s takes no value"):format(option.key)) end
      params[key] = not option.default
      return 1
    end
    local used = value and 1 or 2
    value = value or arg[i + 1]
    if value == nil then self:error(("missing value for option %s"):format(option.key)) end
    params[key] = convert(self, "option " .. option.key, value, option.type)
    return used
  end

  function CmdLine:__readArgument__(params, arg, i, index)
    local argument = self.arguments[index]
    if not argument then
      self:error((arg[i]:find("^%-.") and "unknown option: %s" or "too many arguments: %s"):format(arg[i]))
    end
    params[bare(argument.key)] = convert(self, "argument " .. argument.key, arg[i], argument.type)
    return 1
  end

  -- Something like -0.5 is a value, not an option.
  local function looks_like_option(text)
    return text:find("^%-%-?%a") ~= nil
  end

  --- Reads a command line.  -h, -help and --help print the help and end the program, as do mistakes.
  --
  -- arg: table of strings; the global arg has those of the script
  -- Returns: a table of the parameters, named without their dashes
  -- From: Torch7
  -- Example:
  --   cmd = torch.CmdLine()
  --   cmd:option("-size", 10)
  --   cmd:parse({ "-size=20" }).size --> 20
  function CmdLine:parse(arg)
    local params, i, count = self:default(), 1, 0
    while i <= #arg do
      local typed = arg[i]
      local option, value = find_option(self, typed), nil
      if not option and typed:find("=", 1, true) and looks_like_option(typed) then
        local name, rest = typed:match("^(.-)=(.*)$")
        option, value = find_option(self, name), rest
      end
      if option then
        i = i + self:__readOption__(params, arg, i, option, value)
      elseif typed == "-h" or typed == "-help" or typed == "--help" then
        self:help(arg)
        os.exit(0, true)
      elseif looks_like_option(typed) then
        self:error("unknown option: " .. typed)
      else
        count = count + 1
        i = i + self:__readArgument__(params, arg, i, count)
      end
    end
    if count < #self.arguments then
      self:error("missing argument: " .. self.arguments[count + 1].key)
    end
    return params
  end

  -- ---- help -------------------------------------------------------------------------------------

  local function label(entry)
    return entry.isArgument and "<" .. bare(entry.key):gsub("^<(.*)>$", "%1") .. ">" or entry.key
  end

  function CmdLine:_writeHelp(out, arg)
    local usage = { "Usage:", arg and arg[0] or nil }
    usage[#usage + 1] = "[options]"
    for _, argument in ipairs(self.arguments) do usage[#usage + 1] = label(argument) end
    out:write(table.concat(usage, " "), "\n")
    local width = 0
    for _, line in ipairs(self.helplines) do
      if type(line) == "table" then width = math.max(width, #label(line)) end
    end
    for _, line in ipairs(self.helplines) do
      if type(line) == "table" then
        out:write("  ", label(line), (" "):rep(width - #label(line)), line.help and " " .. line.help or "")
        if not line.isArgument then out:write(" [", tostring(line.default), "]") end
      else
        out:write(line)
      end
      out:write("\n")
    end
  end

  function CmdLine:help(arg)
    self:_writeHelp(io.stdout, arg)
  end

  -- ---- the name of a run ------------------------------------------------------------------------

  local function value_text(value)
    if type(value) == "boolean" then return value and "t" or "f" end
    return tostring(value)
  end

  --- cmd:string(prefix, params [, ignore])
  --
  -- A name for a folder: the prefix, the arguments, and the options that differ from their defaults.
  --
  -- prefix: string
  -- params: table that cmd:parse gave
  -- ignore: table: ignore[name] = true leaves one out, false puts it in even at its default
  -- Returns: a string
  -- From: Torch7
  -- Example:
  --   cmd = torch.CmdLine()
  --   cmd:option("-rate", 0.1)
  --   cmd:string("run", { rate = 0.5 }) --> run,rate=0.5
  function CmdLine:string(prefix, params, ignore)
    ignore = ignore or {}
    local arguments, options = {}, {}
    for i, argument in ipairs(self.arguments) do
      local key = bare(argument.key)
      if params[key] ~= nil and not ignore[key] then
        arguments[i] = key .. self.keyseparator .. value_text(params[key])
      end
    end
    for key, option in pairs(self.options) do
      local name = bare(key)
      local value = params[name]
      if value ~= nil and not ignore[name] and (value ~= option.default or ignore[name] == false) then
        options[#options + 1] = name .. self.keyseparator .. value_text(value)
      end
    end
    table.sort(options)
    local parts = { prefix ~= "" and prefix or nil }
    for i = 1, #self.arguments do parts[#parts + 1] = arguments[i] end
    table.move(options, 1, #options, #parts + 1, parts)
    return table.concat(parts, self.argseparator)
  end

  -- ---- the log ----------------------------------------------------------------------------------

  --- cmd:log(file [, params]); cmd:silent(); cmd:addTime([name [, format]])
  --
  -- From log on, all that print writes goes to a file too, after the date and the parameters; only there
  -- with silent, and each line with the time before it with addTime.
  --
  -- file: name of a file, or an open one
  -- params: table of parameters
  -- name: string that follows the time
  -- format: as for os.date
  -- Errors: the file cannot be opened
  -- From: Torch7
  -- Example:
  --   cmd, before = torch.CmdLine(), print
  --   cmd:silent()
  --   cmd:log("a.log", { rate = 0.1 })
  --   _G.print = before
  function CmdLine:silent()
    self.silentio = true
  end

  function CmdLine:addTime(name, format)
    if format ~= nil and type(format) ~= "string" then
      error("CmdLine:addTime: the format must be a string", 2)
    end
    self.dateformat = (format or "%Y-%m-%d %H:%M:%S") .. (name and "[" .. name .. "]: " or "")
  end

  local real_print

  function CmdLine:log(file, params)
    local out, message = file, nil
    if io.type(file) ~= "file" then out, message = io.open(file, "w") end
    if not out then error("CmdLine:log: " .. message, 2) end
    real_print = real_print or print
    local original = real_print
    function _G.print(...)
      if not self.silentio then original(...) end
      local parts = { self.dateformat and os.date(self.dateformat) or nil }
      for i = 1, select("#", ...) do parts[#parts + 1] = tostring((select(i, ...))) end
      out:write(table.concat(parts, " "), "\n")
      out:flush()
    end
    print("[program started on " .. os.date() .. "]")
    print("[command line arguments]")
    local keys = {}
    for key in pairs(params or {}) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    for _, key in ipairs(keys) do print(key, params[key]) end
    print("[----------------------]")
  end
end
