-- Hardswish.lua: y = x hardsigmoid(x), element by element.

return function(nn, torch)
  local Hardswish = torch.class("nn.Hardswish", "nn.Module")

  --- nn.Hardswish()
  --
  -- x times (x + 3) / 6 within 0 and 1, of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Howard and others, "Searching for MobileNetV3", ICCV 2019
  -- Example:
  --   nn.Hardswish():forward(torch.Tensor { -4, 4 }):sum() --> 4.0
  function Hardswish:updateOutput(input)
    nn._arguments.tensor(self, input)
    return nn.functional.hardswish(input)
  end
end
