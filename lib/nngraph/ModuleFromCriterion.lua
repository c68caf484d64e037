-- ModuleFromCriterion.lua: a criterion inside a network.

return function(_, nn, torch)
  local ModuleFromCriterion, parent = torch.class("nn.ModuleFromCriterion", "nn.Module", nn)

  --- nn.ModuleFromCriterion(criterion)
  --
  -- A module of a criterion, whose input is {prediction, target} and whose output is a vector of one
  -- element.  The gradient of the target is zero.  criterion({node, node}) makes a node of one.
  --
  -- criterion: nn.Criterion
  -- Returns: a module
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   nn.ModuleFromCriterion(nn.MSECriterion()):forward({ torch.zeros(2), torch.ones(2) })[1] --> 1.0
  function ModuleFromCriterion:__init(criterion)
    parent.__init(self)
    self.criterion = criterion
  end

  function ModuleFromCriterion:updateOutput(...)
    local prediction, target = nn._arguments.inputs(...)
    return torch.reshape(self.criterion(prediction, nn.tape.detach(target)), 1)
  end
end
