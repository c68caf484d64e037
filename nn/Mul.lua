-- Mul.lua: y = w x with one learned number w.

return function(nn, torch)
  local Mul, parent = torch.class("nn.Mul", "nn.Module")
  local arguments = nn._arguments

  --- nn.Mul()
  --
  -- w x with one learned number w.  Starts uniform in +-1.
  --
  -- Returns: a module with weight; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   module = nn.Mul()
  --   module.weight:fill(2)
  --   module:forward(torch.ones(3)):sum() --> 6.0
  function Mul:__init()
    parent.__init(self)
    self.weight, self.gradWeight = torch.Tensor(1), torch.zeros(1)
    self:reset()
  end

  function Mul:reset(stdv)
    arguments.uniform(self.weight, stdv, 1)
  end

  function Mul:updateOutput(input)
    arguments.tensor(self, input)
    return torch.cmul(input, self.weight)
  end
end
