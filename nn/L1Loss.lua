-- L1Loss.lua: the size of errors.

return function(nn, torch)
  local L1Loss, parent = torch.class("nn.L1Loss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.L1Loss([opts])
  -- nn.functional.l1Loss(input, target [, opts])
  --
  -- |x - t| for each element.
  --
  -- input, target: tensors of as many elements
  -- opts: table: reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   nn.L1Loss():forward(torch.zeros(2), torch.Tensor { 1, -3 }) --> 2.0
  function L1Loss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, {})
  end

  function L1Loss:updateOutput(input, target)
    return reduction.reduce(self, nn.AbsCriterion._losses(self, input, target))
  end
end
