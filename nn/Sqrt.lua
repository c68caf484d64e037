-- Sqrt.lua: y = sqrt(x), element by element.

return function(nn, torch)
  local Sqrt, parent = torch.class("nn.Sqrt", "nn.Module")
  local arguments = nn._arguments

  --- nn.Sqrt([eps])
  --
  -- sqrt(x) of each element.  Where x is 0 the gradient is 0, not infinite.
  --
  -- eps: number, 0 by default; kept in the field eps and, as in Torch7, without effect
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.Sqrt():forward(torch.Tensor { 0, 4 }):sum() --> 2.0
  function Sqrt:__init(eps)
    parent.__init(self)
    self.eps = arguments.number(self, "eps", eps, 0)
  end

  function Sqrt:updateOutput(input)
    local zero = torch.eq(input, 0)
    return torch.where(zero, 0, torch.sqrt(torch.where(zero, 1, input)))
  end
end
