-- utils.lua: what the files of nngraph share.

local torch = require "torch"

local utils = {}

function utils.istorchclass(x)
  return type(x) == "table" and torch.typename(x)
end

function utils.istable(x)
  return type(x) == "table" and not torch.typename(x)
end

function utils.isnode(x)
  return type(x) == "table" and torch.isTypeOf(x, "nngraph.Node")
end

-- The largest index of a list that may have holes.
function utils.tableMaxN(list)
  local most = 0
  for k in pairs(list) do
    if type(k) == "number" and k > most then most = k end
  end
  return most
end

-- What to say of something that stands where a node has to be: inputs[2], say.
function utils.expectingNodeErrorMessage(value, list, index)
  local place = ("%s[%d]"):format(list, index)
  if value == nil then return place .. " is nil (typo / bad index?)" end
  if torch.isTypeOf(value, "nn.Module") then
    return ("%s is an nn.Module, specifically a %s, but the only valid thing to pass is an instance of "
      .. "nngraph.Node: a second pair of parentheses, %s(..)(), makes one"):format(place,
      torch.typename(value), torch.typename(value))
  end
  return ("%s should be an nngraph.Node but is of type %s"):format(place, torch.type(value))
end

-- The entries of a list, each of which has to be a node.
function utils.nodes(list, name)
  if type(list) ~= "table" or torch.typename(list) then
    return nil, ("%s should be a table of nodes, got a %s"):format(name, torch.type(list))
  end
  for i = 1, utils.tableMaxN(list) do
    if not utils.isnode(list[i]) then return nil, utils.expectingNodeErrorMessage(list[i], name, i) end
  end
  return list
end

return utils
