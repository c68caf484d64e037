-- SpatialClassNLLCriterion.lua: minus the log-probability of the right class at each place of images.

local expect = require "nn.expect"

return function(nn, torch)
  local SpatialClassNLLCriterion, parent = torch.class("nn.SpatialClassNLLCriterion", "nn.Criterion")

  --- nn.SpatialClassNLLCriterion([weights [, sizeAverage]])
  --
  -- nn.ClassNLLCriterion at each place of images: the (weighted) mean over all of them.
  --
  -- weights: vector with a factor for each class
  -- sizeAverage: false gives the sum
  -- Returns: a criterion; its input is batch x classes x height x width, its target the classes, which count
  --   from 1, batch x height x width
  -- From: Torch7
  -- Example:
  --   input = torch.zeros(1, 2, 3, 3):fill(-2)
  --   nn.SpatialClassNLLCriterion():forward(input, torch.LongTensor(1, 3, 3):fill(1)) --> 2.0
  function SpatialClassNLLCriterion:__init(weights, sizeAverage)
    parent.__init(self)
    self.weights = expect.vector(self, weights)
    self.sizeAverage = sizeAverage ~= false
  end

  function SpatialClassNLLCriterion:updateOutput(input, target)
    expect.input(self, "input", input, 4, 4)
    local batch, classes, height, width = table.unpack(input.shape)
    if self.weights and self.weights:nElement() ~= classes then
      expect.fail(self, "weights are %s for input %s, wanted one for each of the %d classes",
        expect.shape_text(self.weights), expect.shape_text(input), classes)
    end
    target = expect.classes(self, input, target, 1, classes, { batch, height, width })
    local places = batch * height * width
    local rows = input:permute(1, 3, 4, 2):reshape(places, classes)
    return nn.functional.nllLoss(rows, target:reshape(places), self.weights, self.sizeAverage)
  end
end
