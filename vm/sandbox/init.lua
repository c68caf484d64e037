-- sandbox: which libraries a script has, and what takes the place of those that are not for it.
--
-- There are two sets of globals.  The script's are Lua's own table of globals.  Cresset's Lua files see
-- another one, so that they keep what they need when the script does not have it, and so that nothing that
-- a script puts in place of a function is called by them in its stead.  In a restricted interpreter neither
-- set has a function that opens files or starts processes.

local tables = require "cresset.sandbox.tables"

local full_debug, full_require, raw_load, raw_collect = debug, require, loadfile, collectgarbage
local error, next, rawget, rawset = error, next, rawget, rawset
local setmetatable, tostring, type = setmetatable, tostring, type
local loaded, searchpath, searchers = package.loaded, package.searchpath, package.searchers
local real_package, config = package, package.config
local string, os, globals = string, os, _G

local lua_libraries = { string = true, table = true, math = true, utf8 = true, coroutine = true, os = true,
  io = true, debug = true }

-- What `require` gives to restricted scripts, by the package that it belongs to.
local harmless = {
  torch = "torch", nn = "nn", ["nn.functional"] = "nn", optim = "optim", autograd = "autograd",
  graph = "graph", nngraph = "nngraph", json = "json", cjson = "cjson", ["cjson.safe"] = "cjson",
  tune = "tune", train = "train", plot = "plot",
}

local reason = "files and processes are out of reach of restricted scripts"

local function copy(from)
  local to = {}
  for k, v in next, from do to[k] = v end
  return to
end

local function only(from, names)
  local to = {}
  for name in names:gmatch("%S+") do to[name] = from[name] end
  return to
end

-- ---- what restricted scripts have instead ------------------------------------------------------------

-- As the functions of io and os fail: nil and a message that begins with the name of the file.
local function fails(name) return nil, ("%s: %s"):format(tostring(name), reason) end

local function raises(name)
  return function() error(name .. ": " .. reason, 2) end
end

-- Standard output and error: what may be done with them is to write.
local function stream(write)
  local self = {}
  function self.write(_, ...)
    write(...)
    return self
  end
  function self.setvbuf() return true end
  self.flush, self.close, self.seek = self.setvbuf, fails, fails
  return self
end

local function restricted_io(natives)
  local stdout, stderr = stream(natives.output), stream(natives.errors)
  return {
    stdout = stdout, stderr = stderr,
    write = function(...) return stdout:write(...) end,
    flush = stdout.flush,
    type = function(x) return (x == stdout or x == stderr) and "file" or nil end,
  }
end

local function library_io(natives)
  local io = restricted_io(natives)
  io.open, io.popen, io.tmpfile, io.lines, io.read = fails, fails, fails, raises "io.lines", fails
  return io
end

local function library_os()
  local own = only(os, "time clock date difftime exit")
  own.remove, own.rename, own.execute, own.tmpname = fails, fails, fails, raises "os.tmpname"
  function own.getenv() end
  return own
end

local harmless_collections = { collect = true, count = true, step = true, isrunning = true }

local function collect(what, ...)
  if not harmless_collections[what or "collect"] then
    error(("collectgarbage: '%s' is not for restricted scripts"):format(tostring(what)), 2)
  end
  return raw_collect(what, ...)
end

local function restrict_base(env, natives)
  env.load, env.setmetatable, env.collectgarbage = natives.load, natives.setmetatable, collect
  env.dofile, env.loadfile, env.breakpoint = nil, nil, nil
end

local function restrict_strings(strings, natives)
  strings.dump = nil
  for name, f in next, natives.patterns do strings[name] = f end
  if strings.gfind then strings.gfind = strings.gmatch end -- Lua 5.1's name
end

-- ---- the two sets of globals ---------------------------------------------------------------------------

local function library_globals(natives, restricted)
  local env = copy(globals)
  for name in next, lua_libraries do env[name] = copy(globals[name]) end
  if restricted then
    restrict_base(env, natives)
    env.dofile, env.loadfile = raises "dofile", raises "loadfile"
    restrict_strings(env.string, natives)
    env.string.dump = raises "string.dump"
    tables.replace(env.table, natives.either)
    env.io, env.os = library_io(natives), library_os()
    env.debug = only(full_debug, "getinfo getlocal getupvalue upvalueid getmetatable setmetatable traceback")
    env.package = { loaded = loaded, config = config, path = "", cpath = "" }
  end
  -- What a script may name is not what the library may: its `require` gives Cresset's packages only.
  if restricted then
    function env.require(name)
      if not natives.has_package(name) then error(("there is no package '%s'"):format(tostring(name)), 2) end
      return full_require(name)
    end
  end
  return setmetatable(env, { __index = globals })
end

-- Strings have the methods that they had, whatever becomes of the table `string`; then what the script adds
-- there.
local function guard_strings(env)
  local meta, methods = full_debug.getmetatable(""), copy(env.string)
  methods.dump = nil
  meta.__index = setmetatable(methods, { __index = function(_, key)
    local own = rawget(globals, "string")
    if type(own) == "table" then return rawget(own, key) end
  end })
  meta.__metatable = false
end

local function restrict_globals(natives)
  restrict_base(globals, natives)
  globals.getmetatable = natives.getmetatable
  globals.string, globals.table = copy(string), copy(globals.table)
  restrict_strings(globals.string, natives)
  tables.replace(globals.table, natives.either)
  if globals.unpack then globals.unpack = globals.table.unpack end
  globals.os = only(os, "time clock date difftime exit")
  globals.io = restricted_io(natives)
  globals.debug = only(full_debug, "traceback")
  for name in next, lua_libraries do loaded[name] = globals[name] end
end

-- ---- require --------------------------------------------------------------------------------------------

-- A file of the script's own, where the host has named a path.
local function load_file(name, path, own)
  if name:find("[^%w_%-.]") or name:find("..", 1, true) or name:sub(1, 1) == "." then
    error(("module '%s': a name of letters, digits and single dots is wanted"):format(name), 3)
  end
  local file, tried = searchpath(name, path)
  if not file then error(("module '%s' not found:%s"):format(name, tried), 3) end
  local chunk, message = raw_load(file, "t")
  if not chunk then error(message, 0) end
  local value = chunk(name, file)
  if value ~= nil then own[name] = value end
  if own[name] == nil then own[name] = true end
  return own[name], file
end

-- The script's `require`, and its table `package`.  `chosen` has the names of the libraries; nil: all.
local function make_require(natives, options, chosen)
  local own = { _G = globals }
  for name in next, lua_libraries do own[name] = globals[name] end
  globals.package = { loaded = own, config = config }

  local function is_chosen(name)
    local package = harmless[name] or not options.restricted and name:match("^[^.]*")
    return package and (package == "torch" or not chosen or chosen[package])
  end

  function globals.require(name)
    if type(name) == "number" then name = ("%s"):format(name) end
    if type(name) ~= "string" then
      error("require: the name of a package is wanted, got a " .. type(name), 2)
    end
    if own[name] ~= nil then return own[name] end
    if natives.has_package(name) or name:find("^cresset") or lua_libraries[name] or name == "package" then
      if not natives.has_package(name) or not is_chosen(name) then
        error(("module '%s' is not one that this script has"):format(name), 2)
      end
      own[name] = full_require(name)
      return own[name]
    end
    if not options.restricted then return full_require(name) end
    if options.path then return load_file(name, options.path, own) end
    error(("module '%s' not found: a restricted script reads no files"):format(name), 2)
  end
  return own
end

-- Whether there is a package of that name, Cresset's or, where one may be installed, another.
local function exists(natives, name)
  return not name:find("[._]") and name ~= "cresset" and (harmless[name] or natives.has_package(name)
    or searchpath(name, real_package.path) or searchpath(name, real_package.cpath))
end

-- The set of the names in options.libraries; nil, and why, when one is wrong.
local function choose(natives, options)
  local chosen = {}
  for name in options.libraries:gmatch("%S+") do
    if not lua_libraries[name] and not exists(natives, name) then
      return nil, ("cresset_open: there is no library '%s'"):format(name)
    end
    if options.restricted and not lua_libraries[name] and not harmless[name] then
      return nil, ("cresset_open: the library '%s' is not for restricted scripts"):format(name)
    end
    chosen[name] = true
  end
  return chosen
end

-- ---- torch ----------------------------------------------------------------------------------------------

-- Lua cannot stop a finalizer, so no script may come to a metatable that has one, or where it could set one
-- for objects that C makes (tensors).
local function is_sealed(meta)
  return type(meta) == "table" and (rawget(meta, "__gc") ~= nil or rawget(meta, "__box") ~= nil)
end

local function seal_class(torch, name, mt)
  local class = rawget(torch, name:match("^torch%.(%w+)$") or "")
  local meta = type(class) == "table" and full_debug.getmetatable(class)
  if not meta then return end
  meta.__metatable = false
  function meta.__newindex(_, key, value)
    if type(key) == "string" and key:find("^__") then
      error(("%s: a restricted script cannot set %s"):format(name, key), 2)
    end
    rawset(mt, key, value)
  end
end

local function seal_classes(torch)
  local registry = full_debug.getregistry()
  for name, mt in next, torch._metatables do
    if is_sealed(mt) then seal_class(torch, name, mt) end
  end
  local default = full_debug.getmetatable(torch.Tensor)
  default.__metatable = false
  function default.__newindex(_, key, value) torch[torch.getdefaulttensortype():sub(7)][key] = value end
  local finish = registry["cresset.cudaclass"]
  registry["cresset.cudaclass"] = function(mt)
    finish(mt)
    seal_class(torch, rawget(mt, "__typename"), mt)
  end
  for _, meta in next, registry do -- of userdata
    if is_sealed(meta) and rawget(meta, "__index") == meta then
      local methods = {}
      for k, v in next, meta do
        if type(k) ~= "string" or not k:find("^__") then methods[k] = v end
      end
      meta.__index = methods
    end
  end
end

-- The table `torch` as scripts see it: without what is only for the library, and not the library's own.
local function script_torch(torch, natives)
  local classes, own = torch._metatables, {}
  for k, v in next, torch do
    if type(k) ~= "string" or k:sub(1, 1) ~= "_" or k == "_VERSION" then own[k] = v end
  end
  function own.getmetatable(name)
    local mt = classes[name]
    if is_sealed(mt) then return nil end
    return mt
  end
  local function no_finalizers(fn, make)
    return function(name, parent, ...)
      if type(parent) == "string" and is_sealed(classes[parent]) then
        error(("%s: a restricted script cannot derive a class from %s"):format(fn, parent), 2)
      end
      return make(name, parent, ...)
    end
  end
  own.class = no_finalizers("torch.class", torch.class)
  local make = no_finalizers("torch.newmetatable", torch.newmetatable)
  function own.newmetatable(name, parent, construct, destroy, ...)
    if destroy ~= nil then error("torch.newmetatable: restricted scripts have no finalizers", 2) end
    return make(name, parent, construct, nil, ...)
  end
  own.setmemorylimit, own.setnumthreads = natives.limit_memory, natives.limit_threads
  return setmetatable(own, { __metatable = false, __index = function(_, key)
    if type(key) == "string" and key:sub(1, 1) == "_" then return nil end
    return torch[key]
  end })
end

-- ---- all of it ------------------------------------------------------------------------------------------

-- Returns the library's globals, and a function that is given `torch` when it is loaded and returns what
-- the script's global of that name is to be; or nil, and why the options are wrong.
return function(natives, options)
  local chosen, problem
  if options.libraries then
    chosen, problem = choose(natives, options)
    if problem then return nil, problem end
  end
  local env = library_globals(natives, options.restricted)
  if options.restricted then
    restrict_globals(natives)
    guard_strings(env)
    real_package.path, real_package.cpath = "", ""
    for i = #searchers, 3, -1 do searchers[i] = nil end -- what looks for files
  end
  for name in next, lua_libraries do
    if chosen and not chosen[name] then
      if not options.restricted then loaded[name] = nil end
      globals[name] = nil
    end
  end
  local own = make_require(natives, options, chosen)
  return env, function(torch)
    if options.restricted then
      seal_classes(torch)
      torch = script_torch(torch, natives)
    end
    own.torch = torch
    return torch
  end
end
