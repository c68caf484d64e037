-- nngraph: graphs of modules.
local torch = require "torch"
local nn = require "nn"
local nngraph = require "nngraph"

local function rand(...) return torch.randn(...):double() end

local function identities(n)
  local list = {}
  for i = 1, n do list[i] = nn.Identity()() end
  return table.unpack(list)
end

-- One step of an LSTM, as scripts write it.
local function lstm(inputs, size)
  local x, c, h = identities(3)
  local sums = nn.CAddTable()({ nn.Linear(inputs, 4 * size)(x), nn.Linear(size, 4 * size)(h) })
  local a, b, o, g = nn.SplitTable(2)(nn.Reshape(4, size)(sums)):split(4)
  local next_c = nn.CAddTable()({
    nn.CMulTable()({ nn.Sigmoid()(b), c }),
    nn.CMulTable()({ nn.Sigmoid()(a), nn.Tanh()(g) }),
  })
  local next_h = nn.CMulTable()({ nn.Sigmoid()(o), nn.Tanh()(next_c) })
  return nn.gModule({ x, c, h }, { next_c, next_h })
end

return {
  { "gModule in a row", make = function()
    local first = nn.Linear(4, 3)()
    return nn.gModule({ first }, { nn.Linear(3, 2)(nn.Tanh()(first)) })
  end, input = { 5, 4 }, expect = function(m, x)
    return m:get(3)(torch.tanh(m:get(1)(x)))
  end },
  { "gModule written with -", make = function()
    local a, b = -nn.Linear(4, 3), -nn.Linear(2, 3)
    return nn.gModule({ a, b }, { { a, b } - nn.CAddTable() - nn.Tanh() })
  end, input = function() return { rand(5, 4), rand(5, 2) } end },
  { "gModule of two inputs and outputs", make = function()
    local a, b = nn.Linear(4, 3)(), nn.Linear(2, 3)()
    local both = nn.CAddTable()({ a, b })
    return nn.gModule({ a, b }, { nn.Sigmoid()(both), nn.CMulTable()({ both, a }) })
  end, input = function() return { rand(5, 4), rand(5, 2) } end },
  { "gModule, the input used three times", make = function()
    local x = nn.Identity()()
    local l = nn.Tanh()(nn.Linear(3, 3)(x))
    return nn.gModule({ x }, { nn.CAddTable()({ x, l, nn.CMulTable()({ x, l }) }) })
  end, input = { 2, 3 }, expect = function(m, x)
    local l = torch.tanh(m:findModules("nn.Linear")[1](x))
    return x + l + torch.cmul(x, l)
  end },
  { "gModule, a node twice in one table", make = function()
    local x = nn.Identity()()
    return nn.gModule({ x }, { nn.CMulTable()({ x, x }), x, x })
  end, input = { 3 }, expect = function(_, x) return { torch.cmul(x, x), x, x } end },
  { "gModule of nested tables", make = function()
    local x, state = identities(2)
    local c, h = state:split(2)
    local sum = nn.CAddTable()({ nn.Tanh()(c), h, x })
    return nn.gModule({ x, state }, { nngraph.nest { sum, { c } }, nngraph.nest { h }:split(1) })
  end, input = function() return { rand(3), { rand(3), rand(3) } } end,
    expect = function(_, x)
      local c, h = x[2][1], x[2][2]
      return { { torch.tanh(c) + h + x[1], { c } }, h }
    end },
  { "gModule in gModule", make = function()
    local x, y = identities(2)
    local c, h = lstm(3, 2)({ x, y, y }):split(2)
    return nn.gModule({ x, y }, { nn.JoinTable(2)({ c, h, x }) })
  end, input = function() return { rand(4, 3), rand(4, 2) } end },
  { "gModule, a module in two nodes", make = function()
    local shared, a, b = nn.Linear(3, 2), identities(2)
    return nn.gModule({ a, b }, { nn.CSubTable()({ shared(a), nn.Tanh()(shared(b)) }) })
  end, input = function() return { rand(4, 3), rand(4, 3) } end },
  { "gModule LSTM", make = function() return lstm(3, 2) end,
    input = function() return { rand(4, 3), rand(4, 2), rand(4, 2) } end },
  { "gModule with a criterion", make = function()
    local x = nn.Linear(3, 2)()
    local target = nn.AddConstant(0.3)(nn.MulConstant(0)(x))
    return nn.gModule({ x }, { nn.MSECriterion()({ nn.Tanh()(x), target }) })
  end, input = { 4, 3 } },
  { "gModule in Sequential", make = function()
    local x = nn.Linear(4, 3)()
    return nn.Sequential():add(nn.Linear(3, 4)):add(nn.gModule({ x }, { x, nn.Tanh()(x) }))
      :add(nn.JoinTable(2))
  end, input = { 2, 3 } },
  { "JustElement", make = function() return nngraph.JustElement() end,
    input = function() return { rand(3) } end,
    expect = function(_, x) return x[1] end },
  { "JustTable", make = function() return nngraph.JustTable() end, input = { 3 },
    expect = function(_, x) return { x } end },
  lstm = lstm,
}
