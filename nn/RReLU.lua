-- RReLU.lua: y = x, or a random part of it below zero.

return function(nn, torch)
  local RReLU, parent = torch.class("nn.RReLU", "nn.Module")
  local arguments = nn._arguments

  --- nn.RReLU([l [, u [, inplace]]])
  --
  -- x where it is positive.  Elsewhere, while training, x times a random number between l and u for each
  -- element, and after :evaluate() x times (l + u) / 2.
  --
  -- l, u: numbers, 1/8 and 1/3 by default
  -- inplace: as in Torch7, kept in the field inplace; the input is not overwritten either way
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: not 0 <= l <= u
  -- From: Xu and others, "Empirical evaluation of rectified activations in convolutional network", 2015,
  --   as in Torch7
  -- Example:
  --   module = nn.RReLU()
  --   module:forward(torch.ones(9)):sum() --> 9.0
  function RReLU:__init(l, u, inplace)
    parent.__init(self)
    self.lower = arguments.number(self, "l", l, 1 / 8)
    self.upper = arguments.number(self, "u", u, 1 / 3)
    if self.lower < 0 or self.lower > self.upper then
      arguments.fail(self, "l and u are %g and %g, wanted 0 <= l <= u", self.lower, self.upper)
    end
    self.noise = torch.Tensor()
    self.train = true
    self.inplace = arguments.flag(self, "inplace", inplace)
  end

  function RReLU:updateOutput(input)
    arguments.tensor(self, input)
    if self.train then
      -- A new tensor each time: the tape of an earlier call may still need the last one.
      self.noise = input.new():resize(torch.LongStorage(input.shape)):uniform(self.lower, self.upper)
      self.noise:maskedFill(torch.gt(input, 0), 1)
      return torch.cmul(input, self.noise)
    end
    return torch.relu(input) + arguments.below(input) * ((self.lower + self.upper) / 2)
  end

  function RReLU:clearState()
    self.noise = self.noise.new()
    return parent.clearState(self)
  end

  function RReLU:__tostring()
    return ("%s (l:%f, u:%f)"):format(torch.typename(self), self.lower, self.upper)
  end
end
