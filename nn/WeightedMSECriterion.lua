-- WeightedMSECriterion.lua: the mean of (x - w t)^2 over all elements.

local expect = require "nn.expect"

return function(_, torch)
  local WeightedMSECriterion, parent = torch.class("nn.WeightedMSECriterion", "nn.MSECriterion")

  --- nn.WeightedMSECriterion(weight)
  --
  -- The mean of (input - weight target)^2 over all elements: the target, not the error, is weighted.
  --
  -- weight: tensor of the target's shape, or of one sample's
  -- Returns: a criterion with weight, a copy, and sizeAverage, of which false gives the sum; its input and
  --   target are tensors of as many elements
  -- From: Torch7
  -- Example:
  --   crit = nn.WeightedMSECriterion(torch.Tensor { 1, 2 })
  --   crit:forward(torch.zeros(2), torch.Tensor { 1, 1 }) --> 2.5
  function WeightedMSECriterion:__init(weight)
    parent.__init(self)
    self.weight = expect.tensor(self, "weight", weight):clone()
  end

  function WeightedMSECriterion:updateOutput(input, target)
    expect.input(self, "input", input)
    target = expect.target(self, input, target)
    local weight, count = self.weight, input:nElement()
    local batch = #input.shape - 1 == #weight.shape
    if batch then count = count // math.max(input.shape[1], 1) end
    if weight:nElement() ~= count then
      expect.fail(self, "weight is %s for input %s, wanted the input's shape or one sample's",
        expect.shape_text(weight), expect.shape_text(input))
    end
    if weight.dtype ~= input.dtype then weight = weight:type(input.dtype) end
    if batch then
      weight = weight:reshape(1, table.unpack(input.shape, 2)):expandAs(input)
    else
      weight = weight:reshape(input.shape)
    end
    return parent.updateOutput(self, input, torch.cmul(target, weight))
  end
end
