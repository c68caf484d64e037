-- dok: arguments by place or by name, as functions of Torch7's packages take them.

local raise = require("torch.caller").raise

local dok = {}
rawset(_G, "dok", dok)

-- Whether the arguments are one table with names.
local function by_name(args)
  local first = args[1]
  return #args == 1 and type(first) == "table" and getmetatable(first) == nil and #first == 0
    and next(first) ~= nil
end

--- dok.unpack(args, name, description, ..)
--
-- The arguments of a function that may be called as f(a, b) or as f { x = a, y = b }.
--
-- args: table, { ... } of the function
-- name: the function's name, for messages
-- description: string, which is not looked at
-- ..: a table for each argument: arg, its name; default, or defaulta, the name of the argument whose value it
--   takes; req = true when it can't be left out
-- Returns: a table of the values by their names, then the values
-- Errors: an argument is missing that can't be left out
-- From: Torch7
-- Example:
--   _, size = dok.unpack({ { size = 3 } }, "f", "", { arg = "size", default = 2 })
--   size --> 3
function dok.unpack(args, name, _, ...)
  local rules, named, values, places = { ... }, by_name(args), {}, {}
  for i, rule in ipairs(rules) do
    local v
    if named then v = args[1][rule.arg] else v = args[i] end
    if v == nil then v = rule.default end
    if v == nil and rule.defaulta then v = values[rule.defaulta] end
    if v == nil and rule.req then raise("%s: the argument '%s' is missing", name, rule.arg) end
    values[rule.arg], places[i] = v, v
  end
  return values, table.unpack(places, 1, #rules)
end

--- dok.error(message, name)
--
-- Raises an error that begins with the function's name.
--
-- Errors: always
-- From: Torch7
-- Example:
--   select(2, pcall(dok.error, "no file", "f")):match("f: no file") --> f: no file
function dok.error(message, name) raise("%s: %s", name, message) end

return dok
