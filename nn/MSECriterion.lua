-- MSECriterion.lua: the mean of (x - t)^2 over all elements.

return function(nn, torch)
  local MSECriterion, parent = torch.class("nn.MSECriterion", "nn.Criterion")

  --- nn.MSECriterion([sizeAverage])
  --
  -- The mean of (input - target)^2 over all elements.
  --
  -- sizeAverage: false gives the sum
  -- Returns: a criterion; its input and target are tensors of one shape
  -- From: Torch7
  -- Example:
  --   nn.MSECriterion():forward(torch.zeros(2), torch.Tensor { 1, 3 }) --> 5.0
  function MSECriterion:__init(sizeAverage)
    parent.__init(self)
    self.sizeAverage = sizeAverage ~= false
  end

  function MSECriterion:updateOutput(input, target)
    return nn.functional.mseLoss(input, target, self.sizeAverage)
  end
end
