-- reload: %reload and %autoreload: modules whose files have changed are loaded again, into the same tables.

local lfs = require "lfs"
local torch = require "torch"

local reload = {}

local print = print

-- ---- files ----------------------------------------------------------------------------------------

-- The file of the user's that `require` takes for a module, with its whole path; nil for Cresset's own and
-- those in C.
local function file_of(name)
  local path = package.searchpath(name, package.path)
  if not path then return nil end
  for _, search in ipairs(package.searchers) do
    local ok, loader, found = pcall(search, name)
    if not ok then break end -- this one has it, but cannot compile it now
    if type(loader) == "function" then
      if found ~= path then return nil end
      break
    end
  end
  return path:sub(1, 1) == "/" and path or lfs.currentdir() .. "/" .. path:gsub("^%./", "")
end

local function read(path)
  local file <close> = io.open(path)
  return file and file:read "a"
end

-- What changes with a file; times are in seconds, so the text of one that has just been written counts too.
local function stamp(path)
  local time, size = lfs.attributes(path, "modification"), lfs.attributes(path, "size")
  if not time then return nil end
  return ("%d %d"):format(time, size), os.time() - time < 3 and read(path) or nil
end

local watched = {} -- name -> {path, stamp, text}, or false where there is nothing to watch
local on = false

-- Notes the files of modules that are new.
local function notice()
  for name in next, package.loaded do
    if type(name) == "string" and watched[name] == nil then
      local path = file_of(name)
      local file = path and { path = path }
      if file then file.stamp, file.text = stamp(path) end
      watched[name] = file or false
    end
  end
end

local function has_changed(file)
  local now, text = stamp(file.path)
  if not now then return false end -- an editor may be writing it
  local changed = now ~= file.stamp or (file.text and text and text ~= file.text)
  file.stamp, file.text = now, text
  return changed
end

-- ---- the same tables ------------------------------------------------------------------------------

-- Whether a table is one of functions, such as a class; others are data, which are replaced.
local function is_code(t)
  if type(t) ~= "table" then return false end
  for _, v in next, t do
    if type(v) == "function" then return true end
  end
  return false
end

-- Puts what `new` has into `old`, and notes that in `same`; functions that are gone are taken out.
local function replace(old, new, same)
  if same[new] or rawequal(old, new) then return end
  same[new] = old
  for k, v in next, old do
    if type(v) == "function" and rawget(new, k) == nil then rawset(old, k, nil) end
  end
  for k, v in next, new do
    local was = rawget(old, k)
    if type(was) == "table" and is_code(v) then
      replace(was, v, same)
    else
      rawset(old, k, v)
    end
  end
  local mt, before = debug.getmetatable(new), debug.getmetatable(old)
  if mt and before and is_code(mt) then
    replace(before, mt, same)
  else
    debug.setmetatable(old, mt)
  end
end

-- Lets the functions of the new text have the old tables, as all others do.
local function join(value, same, source, seen)
  if seen[value] then return end
  seen[value] = true
  if type(value) == "table" then
    for _, member in next, value do
      if type(member) == "function" or same[member] then join(member, same, source, seen) end
    end
  elseif debug.getinfo(value, "S").source == source then
    for i = 1, 255 do
      local name, held = debug.getupvalue(value, i)
      if not name then return end
      local replaced = type(held) == "table" and same[held]
      if replaced then debug.setupvalue(value, i, replaced) end
      if replaced or type(held) == "function" then join(held, same, source, seen) end
    end
  end
end

-- Loads a module's file again.
local function load_again(name, path)
  local chunk, message = loadfile(path, "t")
  if not chunk then error(message, 0) end
  local old = package.loaded[name]
  torch._reloading = true
  local _ <close> = setmetatable({}, { __close = function() torch._reloading = nil end })
  local new = chunk(name, path)
  if package.loaded[name] ~= old then new = new or package.loaded[name] end -- it has set itself
  if new == nil then new = true end
  if type(old) == "table" and type(new) == "table" then
    local same = {}
    replace(old, new, same)
    local source, seen = debug.getinfo(chunk, "S").source, {}
    for table in next, same do join(table, same, source, seen) end
    new = old
  else
    for key, value in next, _G do
      if value ~= true and rawequal(value, old) then rawset(_G, key, new) end
    end
  end
  package.loaded[name] = new
end

-- ---- before each text -----------------------------------------------------------------------------

-- The modules that have changed since the last time, sorted; nil for none.
function reload.changed()
  if not on then return nil end
  notice()
  local list = {}
  for name, file in next, watched do
    if file and package.loaded[name] ~= nil and has_changed(file) then list[#list + 1] = name end
  end
  table.sort(list)
  return #list > 0 and list or nil
end

-- Loads them; a mistake in one is told, and leaves it as it was.
function reload.load(names)
  for _, name in ipairs(names) do
    local ok, message = pcall(load_again, name, watched[name].path)
    if not ok then print(("%%autoreload: %s: %s"):format(name, tostring(message))) end
  end
end

-- ---- commands -------------------------------------------------------------------------------------

local function set(argument, state)
  if argument ~= "on" and argument ~= "off" and argument ~= "" then
    error(("%%autoreload: '%s' is none of on, off"):format(argument), 0)
  end
  on = argument == "on" or argument == "" and not on
  watched, state.reload = {}, on and reload or nil
  if on then notice() end
  print("changed files are loaded again: " .. (on and "on" or "off"))
end

local function now(argument)
  if argument == "" then error("%reload: the name of a module is wanted", 0) end
  if package.loaded[argument] == nil then error(("%%reload: '%s' is not loaded"):format(argument), 0) end
  local file = watched[argument]
  local path = file and file.path or file_of(argument)
  if not path then error(("%%reload: '%s' is no file of Lua of your own"):format(argument), 0) end
  load_again(argument, path)
  if file then file.stamp, file.text = stamp(path) end
end

reload.commands = {
  reload = { "reload module", "loads a module's file again, into the same table", now },
  autoreload = { "autoreload [on|off]", "loads files that have changed again before each text", set },
}

return reload
