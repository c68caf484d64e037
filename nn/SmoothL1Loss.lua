-- SmoothL1Loss.lua: the squares of small errors, and the size of large ones.

local expect = require "nn.expect"

return function(nn, torch)
  local SmoothL1Loss, parent = torch.class("nn.SmoothL1Loss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.SmoothL1Loss([opts])
  -- nn.functional.smoothL1Loss(input, target [, opts])
  --
  -- d^2 / (2 beta) where d = |x - t| is below beta, and d - beta / 2 elsewhere, for each element.
  --
  -- input, target: tensors of as many elements
  -- opts: table: beta (1); reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: Girshick, "Fast R-CNN", ICCV 2015, as in PyTorch
  -- Example:
  --   nn.SmoothL1Loss({ beta = 2 }):forward(torch.zeros(2), torch.Tensor { 1, 3 }) --> 1.125
  function SmoothL1Loss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { beta = 1 })
    if self.beta < 0 then expect.fail(self, "beta is %g, wanted 0 at least", self.beta) end
  end

  function SmoothL1Loss:updateOutput(input, target)
    if self.beta > 0 then return reduction.huber(self, input, target, self.beta, 1 / self.beta) end
    return reduction.reduce(self, nn.AbsCriterion._losses(self, input, target))
  end
end
