-- HuberLoss.lua: the squares of small errors, and in proportion to large ones.

local expect = require "nn.expect"

return function(nn, torch)
  local HuberLoss, parent = torch.class("nn.HuberLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.HuberLoss([opts])
  -- nn.functional.huberLoss(input, target [, opts])
  --
  -- d^2 / 2 where d = |x - t| is up to delta, and delta (d - delta / 2) elsewhere, for each element.
  --
  -- input, target: tensors of as many elements
  -- opts: table: delta (1); reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: Huber, "Robust estimation of a location parameter", 1964, as in PyTorch
  -- Example:
  --   nn.HuberLoss({ reduction = "sum" }):forward(torch.zeros(2), torch.Tensor { 1, 3 }) --> 3.0
  function HuberLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { delta = 1 })
    if self.delta <= 0 then expect.fail(self, "delta is %g, wanted more than 0", self.delta) end
  end

  function HuberLoss:updateOutput(input, target)
    return reduction.huber(self, input, target, self.delta, 1)
  end
end
