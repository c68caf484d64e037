-- SoftMarginLoss.lua: a smooth hinge.

return function(nn, torch)
  local SoftMarginLoss, parent = torch.class("nn.SoftMarginLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.SoftMarginLoss([opts])
  -- nn.functional.softMarginLoss(input, target [, opts])
  --
  -- log(1 + exp(-t x)) for each element.
  --
  -- input: tensor of scores
  -- target: tensor of 1 and -1, of as many elements
  -- opts: table: reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   loss = nn.SoftMarginLoss():forward(torch.zeros(2), torch.ones(2))
  --   math.abs(loss - math.log(2)) < 1e-6 --> true
  function SoftMarginLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, {})
  end

  function SoftMarginLoss:updateOutput(input, target)
    return reduction.reduce(self, nn.SoftMarginCriterion._losses(self, input, target))
  end
end
