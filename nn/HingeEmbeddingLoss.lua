-- HingeEmbeddingLoss.lua: distances of what is alike, and hinges of what is not.

return function(nn, torch)
  local HingeEmbeddingLoss, parent = torch.class("nn.HingeEmbeddingLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.HingeEmbeddingLoss([opts])
  -- nn.functional.hingeEmbeddingLoss(input, target [, opts])
  --
  -- x where the target is 1, and max(0, margin - x) where it is -1, for each element.
  --
  -- input: tensor of distances
  -- target: tensor of 1 and -1, of as many elements
  -- opts: table: margin (1); reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   nn.HingeEmbeddingLoss():forward(torch.Tensor { 2, 0.5 }, torch.Tensor { 1, -1 }) --> 1.25
  function HingeEmbeddingLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { margin = 1 })
  end

  function HingeEmbeddingLoss:updateOutput(input, target)
    return reduction.reduce(self, nn.HingeEmbeddingCriterion._losses(self, input, target))
  end
end
