-- MSELoss.lua: the squares of errors.

local expect = require "nn.expect"

return function(nn, torch)
  local MSELoss, parent = torch.class("nn.MSELoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.MSELoss([opts])
  -- nn.functional.mseLoss(input, target, opts)
  --
  -- (x - t)^2 for each element.
  --
  -- input, target: tensors of as many elements
  -- opts: table: reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   nn.MSELoss({ reduction = "none" })(torch.zeros(2), torch.Tensor { 1, 3 })[2] --> 9.0
  function MSELoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, {})
  end

  local fused = nn.functional.mseLoss

  function MSELoss:updateOutput(input, target)
    expect.input(self, "input", input)
    target = expect.target(self, input, target)
    if self.reduction ~= "none" then return fused(input, target, self.reduction == "mean") end
    return nn.functional._errors(input, target, math.huge, 1)
  end
end
