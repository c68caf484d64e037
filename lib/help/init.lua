-- help: what the doc comments say about a function, a method or a class.

local comments = require "help.comments"
local sources = require "help._sources"

local help = {}

-- The text of a source: of the tree that CRESSET_PATH names, or as it was built in.
local function text_of(source)
  local tree = os.getenv "CRESSET_PATH"
  local file = tree and tree ~= "" and io.open(tree .. "/" .. source.path)
  if not file then return source.text end
  local text = file:read "a"
  file:close()
  return text
end

-- ---- the index -------------------------------------------------------------------------------------

local index

--- Every documented name.
--
-- Returns: a table { ["torch.narrow"] = entry, ["torch.Tensor:narrow"] = entry, .. }; an entry has names,
--   signatures, summary, text, fields, example, file and line
-- Example:
--   require("help").index()["torch.Tensor:narrow"].names[1] --> torch.narrow
function help.index()
  if index then return index end
  index = {}
  for _, source in ipairs(sources.list()) do
    for _, entry in ipairs(comments.parse(text_of(source), source.path)) do
      for _, name in ipairs(entry.names) do index[name] = index[name] or entry end
    end
  end
  return index
end

-- ---- finding ---------------------------------------------------------------------------------------

-- What classes are called in the index.
local function documented_class(class)
  if class:find("^torch%.%w+Tensor$") then return "torch.Tensor" end
  if class:find("^torch%.%w+Storage$") then return "torch.Storage" end
  return class
end

local packages = { "torch", "nn", "optim", "data", "paths", "sys", "xlua", "plot", "autograd",
  "graph", "nngraph", "dok", "image", "threads", "gnuplot", "json", "cjson", "tensorboard", "runs",
  "train", "tune" }

local function class_parent(methods)
  local mt = debug.getmetatable(methods)
  local parent = type(mt) == "table" and rawget(mt, "__index")
  return type(parent) == "table" and rawget(parent, "__typename") and parent or nil
end

-- Calls visit(name, value) for the fields of a package, and of tables of functions among them.
local function each_field(prefix, t, visit, nested)
  for key, value in pairs(t) do
    if type(key) == "string" and not key:find("^_") then
      local class = type(value) == "table" and getmetatable(value)
      if type(value) == "function" or class then visit(prefix .. key, value) end
      if type(value) == "table" and not nested and (not class or rawget(value, key)) then
        each_field(prefix .. key .. ".", value, visit, true)
      end
    end
  end
end

--- Calls a function for every public function, class and method of the loaded packages.
--
-- visit: function (name, value, parents); parents are the classes that a method may be documented in, the
--   nearest first
-- Example:
--   require("help").each(function(name, value) if name == "torch.narrow" then found = value end end)
--   found == torch.narrow --> true
function help.each(visit)
  for _, package in ipairs(packages) do
    local loaded = _G.package.loaded[package]
    if type(loaded) == "table" then each_field(package .. ".", loaded, visit) end
  end
  for class, methods in pairs(_G.package.loaded.torch._metatables) do
    local parents, parent = {}, methods
    while parent do
      parents[#parents + 1] = documented_class(rawget(parent, "__typename") or class)
      parent = class_parent(parent)
    end
    for key, value in pairs(methods) do
      if type(key) == "string" and type(value) == "function" and not key:find("^_") then
        visit(documented_class(class) .. ":" .. key, value, parents)
      end
    end
  end
end

-- The entry for a function or a class's table.
local function find_value(value)
  local found
  help.each(function(name, v)
    if not found and rawequal(v, value) then found = help.index()[name] end
  end)
  if found then return found end
  for name, entry in pairs(help.index()) do
    if not name:find("[.:]") and rawequal(rawget(_G, name), value) then return entry end
  end
end

-- Entries whose name is `word`, or ends with it after a dot or a colon, those of torch first.
local function find_name(word)
  local entry = help.index()[word]
  if entry then return { entry } end
  local list, seen = {}, {}
  for name, e in pairs(help.index()) do
    if name:match("[.:]([%w_]+)$") == word and not seen[e] then
      seen[e] = true
      list[#list + 1] = e
    end
  end
  local function place(e) return (e.names[1]:find("^torch[.:]") and "" or "~") .. e.names[1] end
  table.sort(list, function(a, b) return place(a) < place(b) end)
  return list
end

--- The entries for something.
--
-- what: name ("torch.narrow", "narrow"), function, class, or object
-- Returns: a table, empty when nothing is known
-- Example:
--   #require("help").find("torch.narrow") --> 1
function help.find(what)
  if type(what) == "string" then return find_name(what) end
  local entry = find_value(what)
  if entry then return { entry } end
  local torch = _G.package.loaded.torch
  local class = torch and (type(what) == "table" or type(what) == "userdata") and torch.typename(what)
  return class and find_name(documented_class(class)) or {}
end

--- The names whose entries contain a word, in any case.
--
-- word: string
-- Returns: a sorted table of { name, summary }
-- Example:
--   require("help").search("torch.narrow")[1][1] --> torch.narrow
function help.search(word)
  local list, needle = {}, word:lower()
  for name, entry in pairs(help.index()) do
    if name:lower():find(needle, 1, true) or entry.text:lower():find(needle, 1, true) then
      list[#list + 1] = { name, entry.summary }
    end
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

-- ---- showing ---------------------------------------------------------------------------------------

local function wrap(text, indent, width)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and #indent + #line + 1 + #word > width then
      lines[#lines + 1] = indent .. line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  if line ~= "" then lines[#lines + 1] = indent .. line end
  return table.concat(lines, "\n")
end

--- One entry as text for a terminal.
--
-- entry: one of help.find
-- Returns: a string
-- Example:
--   help = require "help"
--   help.text(help.find("torch.numel")[1]):find("How many") ~= nil --> true
function help.text(entry)
  local out = { table.concat(entry.signatures, "\n"), "" }
  for paragraph in (entry.text .. "\n\n"):gmatch("(.-)\n\n+") do
    if paragraph ~= "" then
      for line in (paragraph .. "\n"):gmatch("(.-)\n") do out[#out + 1] = wrap(line, "  ", 80) end
      out[#out + 1] = ""
    end
  end
  for _, f in ipairs(entry.fields) do
    out[#out + 1] = wrap(f.name .. ": " .. f.text, "  ", 80):gsub("\n", "\n  ")
  end
  if entry.example then
    if #entry.fields > 0 then out[#out + 1] = "" end
    out[#out + 1] = "  Example:"
    out[#out + 1] = "    " .. entry.example:gsub("\n", "\n    ")
  end
  return (table.concat(out, "\n"):gsub("\n+$", ""))
end

-- What help(what) prints.
function help._about(what)
  if what == nil then
    return "help(torch.narrow), help(x.narrow), help \"narrow\"; help.search \"word\" lists names"
  end
  local texts = {}
  for i, entry in ipairs(help.find(what)) do texts[i] = help.text(entry) end
  if #texts > 0 then return table.concat(texts, "\n\n") end
  return type(what) == "string" and ("no help on '%s'; help.search looks in the texts"):format(what)
    or "no help on this " .. type(what)
end

--- help(what): prints what is known about a function, a method, a class, an object, or a name.
-- Example:
--   help = require "help"
--   help(torch.narrow)
setmetatable(help, {
  __call = function(_, what) print(help._about(what)) end,
})

return help
