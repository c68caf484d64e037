-- settings: what %set changes.

local settings = {}

-- name -> {value, what it is}
local known = {
  colour = { true, "colours in what is printed and typed" },
  depth = { 4, "levels of nested tables that are printed" },
  most = { 100, "entries of a table that are printed" },
  results = { 20, "results that stay in _1, _2, ..." },
  highlight = { true, "syntax in colours, and texts of several lines edited as one, while typing" },
  indent = { true, "further lines of a text are indented" },
  suggest = { true, "the rest of an earlier input in grey; Right takes it" },
  hints = { true, "a remark where a line's locals are gone after it" },
  pager = { true, "long texts go through $PAGER" },
  pdb = { false, "an error opens the debugger" },
}

function settings.get(name)
  return known[name][1]
end

-- Sets one, given as text or as a value; returns it, or nil and a message.
function settings.set(name, value)
  local entry = known[name]
  if not entry then return nil, ("there is no setting '%s'; %%set lists them"):format(name) end
  local kind = type(entry[1])
  if type(value) == "string" then
    local words = { on = true, ["true"] = true, off = false, ["false"] = false }
    if kind == "boolean" then
      value = words[value]
    elseif kind == "number" then
      value = math.tointeger(tonumber(value))
    end
  end
  if type(value) ~= kind or (kind == "number" and (math.type(value) ~= "integer" or value < 1)) then
    return nil, ("%s is %s"):format(name, kind == "boolean" and "on or off" or "a whole number from 1 on")
  end
  entry[1] = value
  if name == "pdb" then
    local ok, hooks = pcall(require, "cresset._debugger") -- not in stock Lua
    if ok then hooks.set("pdb", value) end
  end
  return value
end

-- A sorted list of {name, value, meaning}.
function settings.list()
  local list = {}
  for name, entry in pairs(known) do list[#list + 1] = { name, entry[1], entry[2] } end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

return settings
