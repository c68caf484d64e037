-- L1Cost.lua: the sum of the elements' sizes, for sparsity.

local expect = require "nn.expect"

return function(_, torch)
  local L1Cost, parent = torch.class("nn.L1Cost", "nn.Criterion")

  --- nn.L1Cost()
  --
  -- The sum of |input|: a penalty, for which there is no target.
  --
  -- Returns: a criterion; its input is a tensor
  -- From: Torch7
  -- Example:
  --   nn.L1Cost():forward(torch.Tensor { 1, -2 }) --> 3.0
  function L1Cost:__init()
    parent.__init(self)
  end

  function L1Cost:updateOutput(input)
    return expect.total(torch.abs(expect.input(self, "input", input)))
  end
end
