-- HardShrink.lua: y = x, or 0 near zero, element by element.

return function(nn, torch)
  local HardShrink, parent = torch.class("nn.HardShrink", "nn.Module")
  local arguments = nn._arguments

  --- nn.HardShrink([lambda])
  --
  -- x where |x| is greater than lambda, 0 elsewhere.
  --
  -- lambda: number that is not negative, 0.5 by default
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: lambda is negative
  -- From: Torch7
  -- Example:
  --   nn.HardShrink():forward(torch.Tensor { -3, 0.2 }):sum() --> -3.0
  function HardShrink:__init(lambda)
    parent.__init(self)
    self.lambda = arguments.number(self, "lambda", lambda, 0.5)
    if self.lambda < 0 then arguments.fail(self, "lambda is %g, wanted at least 0", self.lambda) end
  end

  function HardShrink:updateOutput(input)
    return nn.functional.hardshrink(input, self.lambda)
  end
end
