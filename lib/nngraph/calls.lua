-- calls.lua: module(), module(node) and module({nodes}) make nodes, as do -module and node - module.

local utils = require "nngraph.utils"
local raise = require("torch.caller").raise

return function(nngraph, nn, torch)
  -- Whether what a module is called with makes a node.  Tensors, and tables of them, do not.
  local function makes_node(n, input)
    if n == 0 or input == nil then return true end
    if type(input) ~= "table" then return false end
    if torch.typename(input) or next(input) == nil then return true end
    for _, v in next, input do
      if type(v) == "table" and torch.typename(v) then return true end
    end
    return false
  end

  local function connect(module, n, input)
    if n > 1 then raise("Use {input1, input2} to pass multiple inputs.") end
    local node = nngraph.Node { module = module }
    if n == 0 then return node end
    if utils.istable(input) then
      if next(input) == nil then
        raise("cannot pass an empty table of inputs. To indicate no incoming connections, leave the second "
          .. "set of parens blank.")
      end
    else
      input = { input }
    end
    local list, why = utils.nodes(input, "inputs")
    if not list or utils.tableMaxN(list) == 0 then
      raise("%s", why or utils.expectingNodeErrorMessage(nil, "inputs", 1))
    end
    for i = 1, utils.tableMaxN(list) do node:add(list[i], true) end
    return node
  end

  local Module, Criterion = torch.getmetatable("nn.Module"), torch.getmetatable("nn.Criterion")
  local Node = torch.getmetatable("nngraph.Node")
  local run_module, run_criterion = Module.__call, Criterion.__call

  function Module:__call(...)
    local n = select("#", ...)
    if makes_node(n, (...)) then return connect(self, n, (...)) end
    return run_module(self, ...)
  end

  function Criterion:__call(...)
    local n = select("#", ...)
    if n < 2 and makes_node(n, (...)) then return connect(nn.ModuleFromCriterion(self), n, (...)) end
    return run_criterion(self, ...)
  end

  local function then_next(before, module)
    return module(before)
  end

  function Module.__unm(module)
    return module()
  end
  Module.__sub = then_next
  Node.__sub = then_next
end
