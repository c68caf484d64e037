-- SoftShrink.lua: y = x moved towards 0, element by element.

return function(nn, torch)
  local SoftShrink, parent = torch.class("nn.SoftShrink", "nn.Module")
  local arguments = nn._arguments

  --- nn.SoftShrink([lambda])
  --
  -- x brought nearer to 0 by lambda, and 0 where |x| is not greater than lambda.
  --
  -- lambda: number that is not negative, 0.5 by default
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: lambda is negative
  -- From: Torch7
  -- Example:
  --   nn.SoftShrink():forward(torch.Tensor { -3, 0.2 }):sum() --> -2.5
  function SoftShrink:__init(lambda)
    parent.__init(self)
    self.lambda = arguments.number(self, "lambda", lambda, 0.5)
    if self.lambda < 0 then arguments.fail(self, "lambda is %g, wanted at least 0", self.lambda) end
  end

  function SoftShrink:updateOutput(input)
    return nn.functional.softshrink(input, self.lambda)
  end
end
