-- nest.lua: nodes for nested tables.

local utils = require "nngraph.utils"
local raise = require("torch.caller").raise

return function(nngraph, nn, _)
  local function nest(value)
    if utils.isnode(value) then return value end
    if not utils.istable(value) or #value == 0 then
      raise("what is this in the nest input? %s", tostring(value))
    end
    if #value == 1 then return nngraph.JustTable()(nest(value[1])) end
    local parts = {}
    for i, v in ipairs(value) do parts[i] = nest(v) end
    return nn.Identity()(parts)
  end

  --- nngraph.nest(nodes)
  --
  -- A node for a nested table of nodes: its output has the same form.
  --
  -- nodes: nngraph.Node, or nested table of them
  -- Returns: an nngraph.Node
  -- Errors: there is something else in it, or an empty table
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   a, b = nn.Identity()(), nn.Identity()()
  --   net = nn.gModule({ a, b }, { nngraph.nest { a, { b } } })
  --   net:forward({ torch.ones(1), torch.ones(2) })[2][1]:sum() --> 2.0
  function nngraph.nest(...)
    if select("#", ...) > 1 then raise("Use {input1, input2} to pass multiple inputs.") end
    if (...) == nil then raise("Pass an input.") end
    return nest((...))
  end
end
