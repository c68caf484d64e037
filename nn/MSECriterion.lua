-- MSECriterion.lua: the mean of (x - t)^2 over all elements.

return function(nn, torch)
  local MSECriterion, parent = torch.class("nn.MSECriterion", "nn.Criterion")

  --- nn.MSECriterion([sizeAverage]): sizeAverage = false gives the sum.
  function MSECriterion:__init(sizeAverage)
    parent.__init(self)
    self.sizeAverage = sizeAverage ~= false
  end

  function MSECriterion:updateOutput(input, target)
    return nn.functional.mseLoss(input, target, self.sizeAverage)
  end
end
