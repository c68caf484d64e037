-- TanhShrink.lua: y = x - tanh(x), element by element.

return function(_, torch)
  local TanhShrink = torch.class("nn.TanhShrink", "nn.Module")

  --- nn.TanhShrink()
  --
  -- x - tanh(x) of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.TanhShrink():forward(torch.zeros(2)):sum() --> 0.0
  function TanhShrink:updateOutput(input)
    return input - torch.tanh(input)
  end
end
