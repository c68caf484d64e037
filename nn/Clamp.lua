-- Clamp.lua: y = x kept within two bounds, element by element.

return function(_, torch)
  local Clamp, parent = torch.class("nn.Clamp", "nn.HardTanh")

  --- nn.Clamp(min_value, max_value)
  --
  -- x where it lies between the bounds, and the nearer bound elsewhere: nn.HardTanh by another name.
  --
  -- min_value, max_value: numbers, -1 and 1 by default
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: max_value is not above min_value
  -- From: Torch7
  -- Example:
  --   nn.Clamp(0, 2):forward(torch.Tensor { -3, 1, 5 }):sum() --> 3.0
  function Clamp:__init(min_value, max_value)
    parent.__init(self, min_value, max_value)
  end
end
