-- CriterionTable.lua: a criterion as a module of a table of an input and a target.

local expect = require "nn.expect"

return function(_, torch)
  local CriterionTable, parent = torch.class("nn.CriterionTable", "nn.Module")

  --- nn.CriterionTable(criterion)
  --
  -- A criterion as a module, whose input is a table of the criterion's input and target.
  --
  -- criterion: nn.Criterion
  -- Returns: a module with criterion; its output is a tensor of no dimensions, the loss, of which
  --   gradOutput may be left out; its gradInput has a gradient for the target too
  -- From: Torch7, where the output was a number
  -- Example:
  --   module = nn.CriterionTable(nn.MSECriterion())
  --   module:forward({ torch.zeros(2), torch.ones(2) }):item() --> 1.0
  function CriterionTable:__init(criterion)
    parent.__init(self)
    self.criterion = expect.criterion(self, criterion)
  end

  function CriterionTable:updateOutput(input)
    expect.list(self, "input", input, 1)
    return self.criterion(table.unpack(input))
  end
end
