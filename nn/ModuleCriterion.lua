-- ModuleCriterion.lua: a criterion of what modules make of the input and target.

local expect = require "nn.expect"

return function(_, torch)
  local ModuleCriterion, parent = torch.class("nn.ModuleCriterion", "nn.Criterion")

  --- nn.ModuleCriterion(criterion [, inputModule [, targetModule [, castTarget]]])
  --
  -- A criterion whose input and target go through modules first.  criterion:backward leaves the gradients of
  -- the modules' parameters alone.
  --
  -- criterion: nn.Criterion
  -- inputModule: nn.Module for the input
  -- targetModule: nn.Module for the target
  -- castTarget: false keeps targetModule as it is when the criterion is converted to another type
  -- Returns: a criterion with these fields
  -- From: Torch7
  -- Example:
  --   crit = nn.ModuleCriterion(nn.AbsCriterion(), nn.ReLU())
  --   crit:forward(torch.Tensor { -5, 1 }, torch.zeros(2)) --> 0.5
  function ModuleCriterion:__init(criterion, inputModule, targetModule, castTarget)
    parent.__init(self)
    self.criterion = expect.criterion(self, criterion)
    self.inputModule, self.targetModule = inputModule, targetModule
    self.castTarget = castTarget ~= false
  end

  function ModuleCriterion:updateOutput(input, target)
    if self.inputModule then input = self.inputModule(input) end
    if self.targetModule then target = self.targetModule(target) end
    return self.criterion(input, target)
  end

  function ModuleCriterion:type(typename, ...)
    if not typename or self.castTarget then return parent.type(self, typename, ...) end
    local kept = self.targetModule
    self.targetModule = nil
    parent.type(self, typename, ...)
    self.targetModule = kept
    return self
  end
end
