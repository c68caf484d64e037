-- Threshold.lua: y = x, or a value where x is not above a threshold, element by element.

return function(nn, torch)
  local Threshold, parent = torch.class("nn.Threshold", "nn.Module")
  local arguments = nn._arguments

  --- nn.Threshold([th [, v [, inplace]]])
  --
  -- x where it is greater than th, v elsewhere.
  --
  -- th: number, 1e-6 by default
  -- v: number, 0 by default
  -- inplace: as in Torch7, kept in the field inplace; the input is not overwritten either way
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: inplace is true and v is above th
  -- From: Torch7
  -- Example:
  --   nn.Threshold(1, 5):forward(torch.Tensor { 0, 2 }):sum() --> 7.0
  function Threshold:__init(th, v, inplace)
    parent.__init(self)
    self.threshold = arguments.number(self, "th", th, 1e-6)
    self.val = arguments.number(self, "v", v, 0)
    self.inplace = arguments.flag(self, "inplace", inplace)
    if self.inplace and self.val > self.threshold then
      arguments.fail(self, "in place, v %g must not be above th %g", self.val, self.threshold)
    end
  end

  function Threshold:updateOutput(input)
    return torch.threshold(input, self.threshold, self.val)
  end
end
