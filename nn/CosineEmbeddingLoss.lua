-- CosineEmbeddingLoss.lua: one minus the cosine of what is alike, and hinges of what is not.

return function(nn, torch)
  local CosineEmbeddingLoss, parent = torch.class("nn.CosineEmbeddingLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.CosineEmbeddingLoss([opts])
  -- nn.functional.cosineEmbeddingLoss(a, b, y [, opts])
  --
  -- 1 - cos(a, b) where y is 1, and max(0, cos(a, b) - margin) where it is -1, for each row.
  -- criterion({ a, b }, y) is the same as criterion(a, b, y).
  --
  -- a, b: tensors of one shape, (batch x) n
  -- y: tensor of 1 and -1, one for each row
  -- opts: table: margin (0); reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   loss = nn.CosineEmbeddingLoss()(torch.ones(1, 2), torch.ones(1, 2), -torch.ones(1)):item()
  --   math.abs(loss - 1) < 1e-6 --> true
  function CosineEmbeddingLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { margin = 0 })
  end

  function CosineEmbeddingLoss:updateOutput(input, ...)
    local target = ...
    if torch.isTensor(input) then input, target = { input, (...) }, select(2, ...) end
    local losses, dtype = nn.CosineEmbeddingCriterion._losses(self, input, target)
    if self.reduction == "none" and #input[1].shape == 1 then losses = losses:reshape({}) end
    return reduction.reduce(self, losses, nil, dtype)
  end
end
