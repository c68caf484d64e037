-- ClassSimplexCriterion.lua: squared distances to the corner of a regular simplex that stands for the class.

local expect = require "nn.expect"

return function(_, torch)
  local ClassSimplexCriterion, parent = torch.class("nn.ClassSimplexCriterion", "nn.MSECriterion")

  --- nn.ClassSimplexCriterion(nClasses)
  --
  -- Gives each class a corner of a regular simplex around the origin, all at distance 1 from it, and takes
  -- the mean squared distance of the input's elements from those of the right corner.
  --
  -- nClasses: whole number above 1
  -- Returns: a criterion with nClasses, simplex (a row for each class) and sizeAverage, of which false gives
  --   the sum; its input is (batch x) nClasses, its target the classes, which count from 1
  -- From: Torch7; Mroueh and others, "Multiclass learning with simplex coding", NIPS 2012
  -- Example:
  --   crit = nn.ClassSimplexCriterion(3)
  --   crit:forward(crit.simplex[2], 2) --> 0.0

  -- The n + 1 corners in n dimensions.  Row k is zero after column k; below row k, column k has one value,
  -- that makes all columns sum to 0.
  local function simplex(n)
    local rows = {}
    for i = 1, n + 1 do
      rows[i] = {}
      for k = 1, n + 1 do rows[i][k] = 0 end
    end
    for k = 1, n do
      local a = math.sqrt((n + 1) * (n + 1 - k) / (n * (n + 2 - k)))
      rows[k][k] = a
      for i = k + 1, n + 1 do rows[i][k] = -a / (n + 1 - k) end
    end
    return torch.Tensor(rows)
  end

  function ClassSimplexCriterion:__init(nClasses)
    parent.__init(self)
    local n = math.type(nClasses) and math.tointeger(nClasses)
    if not n or n < 2 then
      expect.fail(self, "nClasses is %s, wanted a whole number above 1", tostring(nClasses))
    end
    self.nClasses = n
    self.simplex = simplex(n - 1) -- with a column of zeros at the end
  end

  function ClassSimplexCriterion:updateOutput(input, target)
    local x = expect.input(self, "input", input, 1, 2)
    if x.shape[#x.shape] ~= self.nClasses then
      expect.fail(self, "input is %s, wanted %d columns", expect.shape_text(input), self.nClasses)
    end
    if #x.shape == 1 then x = x:reshape(1, self.nClasses) end
    target = expect.classes(self, input, target, 1, self.nClasses, { x.shape[1] })
    return parent.updateOutput(self, x, expect.target(self, x, self.simplex:index(1, target)))
  end

  --- nn.ClassSimplexCriterion:getPredictions(input)
  -- nn.ClassSimplexCriterion:getTopPrediction(input)
  --
  -- How far the input points towards each class's corner; the class whose
  -- corner it points to most.
  --
  -- input: (batch x) nClasses
  -- Returns: batch x nClasses; a vector of classes, which count from 1
  -- From: Torch7
  -- Example:
  --   crit = nn.ClassSimplexCriterion(3)
  --   crit:getTopPrediction(crit.simplex)[2] --> 2
  function ClassSimplexCriterion:getPredictions(input)
    local x = expect.input(self, "input", input, 1, 2)
    if #x.shape == 1 then x = x:reshape(1, x.shape[1]) end
    return torch.mm(x, self.simplex:t())
  end

  function ClassSimplexCriterion:getTopPrediction(input)
    local scores = self:getPredictions(input)
    local _, classes = torch.max(scores, 2)
    return classes:reshape(scores.shape[1])
  end
end
