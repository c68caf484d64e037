-- MarginCriterion.lua: the hinge loss of two classes.

local expect = require "nn.expect"

return function(_, torch)
  local MarginCriterion, parent = torch.class("nn.MarginCriterion", "nn.Criterion")

  --- nn.MarginCriterion([margin])
  --
  -- The mean of max(0, margin - input target) over all elements: the hinge loss of two classes.
  --
  -- margin: number, 1 by default
  -- Returns: a criterion with margin and sizeAverage, of which false gives the sum; its input and target are
  --   tensors of as many elements, the target's 1 or -1
  -- From: Torch7
  -- Example:
  --   nn.MarginCriterion():forward(torch.Tensor { 0.5, 3 }, torch.Tensor { 1, -1 }) --> 2.25
  function MarginCriterion:__init(margin)
    parent.__init(self)
    self.margin = expect.number(self, "margin", margin, 1)
    self.sizeAverage = true
  end

  function MarginCriterion:updateOutput(input, target)
    expect.input(self, "input", input)
    local product = torch.cmul(input, expect.target(self, input, target))
    local loss = torch.relu(torch.add(torch.neg(product), self.margin))
    return expect.total(loss, self.sizeAverage and input:nElement())
  end
end
