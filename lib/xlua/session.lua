-- session: what helps at the prompt: globals, errors, packages, a log; and what Torch7's package added to
-- Lua's string and table.

local paths = require "paths"
local raise = require("torch.caller").raise

-- What is there before the user makes anything.
local own = { xlua = true }
for name in pairs(_G) do own[name] = true end

local function is_library(name)
  return package.loaded[name] ~= nil
end

local function short(value)
  if type(value) == "userdata" then return "<userdata>" end
  local text = tostring(value):gsub("\n", "\\n")
  return #text > 40 and text:sub(1, 40) .. " ... " or text
end

return function(xlua)
  --- xlua.print(value, ...)
  --
  -- Prints a table with its fields, and anything else as print does.
  --
  -- value, ...: any values; a table only as the first
  -- From: Torch7
  -- Example:
  --   xlua.print { x = 1 }
  function xlua.print(value, ...)
    local mt = getmetatable(value)
    local text
    if type(value) == "table" and not (type(mt) == "table" and (mt.__tostring or mt.__tostring__)) then
      local names, lines = {}, {}
      for key in pairs(value) do names[#names + 1] = key end
      table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
      for i, key in ipairs(names) do lines[i] = ("[%s] = %s"):format(tostring(key), short(value[key])) end
      text = "{" .. table.concat(lines, ",\n ") .. "}"
    else
      text = tostring(value)
    end
    for i = 1, select("#", ...) do text = text .. "    " .. tostring((select(i, ...))) end
    io.write(text, "\n")
  end

  --- xlua.log(path [, append])
  --
  -- From now on all that print and io.write write goes to a file too.
  --
  -- path: string; its folder is made if need be
  -- append: true adds to the file
  -- Errors: the file cannot be opened
  -- From: Torch7
  -- Example:
  --   write, show = io.write, print
  --   xlua.log("log.txt")
  --   print("hello")
  --   io.write, print = write, show
  --   io.open("log.txt"):read("a") --> hello
  function xlua.log(path, append)
    paths.mkdir(paths.dirname(path), true)
    local file, message = io.open(path, append and "a" or "w")
    if not file then raise("xlua.log: %s", message) end
    local write = io.write
    rawset(io, "write", function(...)
      file:write(...)
      file:flush()
      return write(...)
    end)
    rawset(_G, "print", function(...)
      local parts = table.pack(...)
      for i = 1, parts.n do parts[i] = tostring(parts[i]) end
      io.write(table.concat(parts, "\t", 1, parts.n), "\n")
    end)
  end

  --- xlua.clear(name); xlua.clearall(); xlua.who()
  --
  -- Forgets a global variable; forgets all that the script made and the packages that it loaded; prints what
  -- there is.
  --
  -- name: string
  -- From: Torch7
  -- Example:
  --   something = 5
  --   xlua.clear("something")
  --   rawget(_G, "something") --> nil
  function xlua.clear(name)
    rawset(_G, name, nil)
    collectgarbage()
  end

  function xlua.clearall()
    local names = {}
    for name in pairs(_G) do
      if not own[name] then names[#names + 1] = name end
    end
    for _, name in ipairs(names) do
      rawset(_G, name, nil)
      package.loaded[name] = nil
    end
    collectgarbage()
  end

  function xlua.who()
    local user, libraries = {}, {}
    for name, value in pairs(_G) do
      if type(name) == "string" and is_library(name) and name ~= "_G" then
        libraries[#libraries + 1] = name
      elseif not own[name] then
        user[name] = value
      end
    end
    table.sort(libraries)
    io.write("\nGlobal Libs:\n")
    xlua.print(libraries)
    io.write("\nGlobal Vars:\n")
    xlua.print(user)
    io.write("\n")
  end

  --- xlua.error(message [, domain [, usage]])
  --
  -- Raises an error, "<domain> message", with a text below.
  --
  -- message, domain, usage: strings
  -- Errors: always
  -- From: Torch7
  -- Example:
  --   select(2, pcall(xlua.error, "no", "mine")):find("<mine> no", 1, true) ~= nil --> true
  function xlua.error(message, domain, usage)
    local text = tostring(message)
    if domain then text = "<" .. tostring(domain) .. "> " .. text end
    if usage then text = text .. "\n" .. tostring(usage) end
    raise("%s", text)
  end

  --- xlua.trycatch(try, catch)
  --
  -- Calls try(), and when it fails catch(message).
  --
  -- try, catch: functions
  -- From: Torch7
  -- Example:
  --   xlua.trycatch(function() error("no", 0) end, function(message) said = message end)
  --   said --> no
  function xlua.trycatch(try, catch)
    local ok, message = pcall(try)
    if not ok then catch(message) end
  end

  --- xlua.installed(name); xlua.require(name)
  --
  -- Whether there is a package; loads it.
  --
  -- name: string
  -- Returns: installed: true and where it is, or false and where was looked; require: the package, or false,
  --   with a message printed, when it cannot be loaded
  -- From: Torch7
  -- Example:
  --   (xlua.installed("nn")), (xlua.installed("no-such-package")) --> true false
  function xlua.installed(name)
    local looked = {}
    for _, searcher in ipairs(package.searchers) do
      local found, where = searcher(name)
      if type(found) == "function" then return true, where or name end
      looked[#looked + 1] = tostring(found)
    end
    return false, table.concat(looked)
  end

  function xlua.require(name)
    local ok, result = pcall(require, name)
    if ok then return result end
    print(result)
    print("warning: <" .. name .. "> could not be loaded (is it installed?)")
    return false
  end

  for name, f in pairs { xprint = xlua.print, xerror = xlua.error, xrequire = xlua.require } do
    if rawget(_G, name) == nil then rawset(_G, name, f) end
  end
end
