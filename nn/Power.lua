-- Power.lua: y = x^p, element by element.

return function(nn, torch)
  local Power, parent = torch.class("nn.Power", "nn.Module")
  local arguments = nn._arguments

  --- nn.Power(p)
  --
  -- x^p of each element.
  --
  -- p: number
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: p is not a number
  -- From: Torch7
  -- Example:
  --   nn.Power(3):forward(torch.Tensor { 1, 2 }):sum() --> 9.0
  function Power:__init(p)
    parent.__init(self)
    self.pow = arguments.number(self, "p", p)
  end

  function Power:updateOutput(input)
    arguments.tensor(self, input)
    return torch.pow(input, self.pow)
  end
end
