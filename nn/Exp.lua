-- Exp.lua: y = exp(x), element by element.

return function(_, torch)
  local Exp = torch.class("nn.Exp", "nn.Module")

  --- nn.Exp()
  --
  -- exp(x) of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.Exp():forward(torch.zeros(2)):sum() --> 2.0
  function Exp:updateOutput(input)
    return torch.exp(input)
  end
end
