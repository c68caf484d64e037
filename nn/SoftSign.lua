-- SoftSign.lua: y = x / (1 + |x|), element by element.

return function(_, torch)
  local SoftSign = torch.class("nn.SoftSign", "nn.Module")

  --- nn.SoftSign()
  --
  -- x / (1 + |x|) of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.SoftSign():forward(torch.Tensor { -1, 1 })[2] --> 0.5
  function SoftSign:updateOutput(input)
    return torch.cdiv(input, torch.abs(input) + 1)
  end
end
