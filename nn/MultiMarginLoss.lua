-- MultiMarginLoss.lua: hinges between the right class and the others.

local expect = require "nn.expect"

return function(nn, torch)
  local MultiMarginLoss, parent = torch.class("nn.MultiMarginLoss", "nn.Criterion")
  local reduction, NONE = nn._reduction, nn._arguments.NONE

  --- nn.MultiMarginLoss([opts])
  -- nn.functional.multiMarginLoss(input, target [, opts])
  --
  -- The sum of w_t max(0, margin - x_t + x_i)^p over the classes i other than the target's t, divided by
  -- the number of classes, for each row.
  --
  -- input: tensor of scores, (batch x) classes
  -- target: classes, which count from 1
  -- opts: table: p (1, or 2), margin (1), weight, a vector with a factor for each class; reduction
  --   ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   nn.MultiMarginLoss():forward(torch.zeros(1, 4), torch.LongTensor { 2 }) --> 0.75
  function MultiMarginLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { p = 1, margin = 1, weight = NONE })
    if self.p ~= 1 and self.p ~= 2 then expect.fail(self, "p is %g, wanted 1 or 2", self.p) end
    expect.vector(self, self.weights)
  end

  function MultiMarginLoss:updateOutput(input, target)
    local losses = nn.MultiMarginCriterion._losses(self, input, target)
    if self.reduction == "none" and #input.shape == 1 then losses = losses:reshape({}) end
    return reduction.reduce(self, losses)
  end
end
