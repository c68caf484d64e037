-- HardTanh.lua: y = x kept within two bounds, element by element.

return function(nn, torch)
  local HardTanh, parent = torch.class("nn.HardTanh", "nn.Module")
  local arguments = nn._arguments

  --- nn.HardTanh([min_value [, max_value [, inplace]]])
  --
  -- x where it lies between the bounds, and the nearer bound elsewhere.
  --
  -- min_value, max_value: numbers, -1 and 1 by default
  -- inplace: as in Torch7, kept in the field inplace; the input is not overwritten either way
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: max_value is not above min_value
  -- From: Torch7
  -- Example:
  --   nn.HardTanh():forward(torch.Tensor { -3, 0.5, 2 }):sum() --> 0.5
  function HardTanh:__init(min_value, max_value, inplace)
    parent.__init(self)
    self.min_val = arguments.number(self, "min_value", min_value, -1)
    self.max_val = arguments.number(self, "max_value", max_value, 1)
    self.inplace = arguments.flag(self, "inplace", inplace)
    if self.max_val <= self.min_val then
      arguments.fail(self, "max_value %g is not above min_value %g", self.max_val, self.min_val)
    end
  end

  function HardTanh:updateOutput(input)
    arguments.tensor(self, input)
    return nn.functional.hardtanh(input, self.min_val, self.max_val)
  end
end
