-- Snake.lua: y = x + sin(alpha x)^2 / alpha, with a learned alpha.

return function(nn, torch)
  local Snake, parent = torch.class("nn.Snake", "nn.Module")
  local arguments = nn._arguments

  --- nn.Snake([numParameters [, opts]])
  --
  -- x + sin(alpha x)^2 / alpha of each element, with one alpha for all or one for each plane, which are
  -- learned.
  --
  -- numParameters: number of planes (the second dimension, or a vector's first), or 1, the default
  -- opts: table: alpha: number to start with, 1 by default
  -- Returns: a module with alpha, a vector; its input and output are tensors of any shape
  -- Errors: the input has another number of planes
  -- From: Ziyin, Hartwig and Ueda, "Neural networks fail to learn periodic functions and how to fix it",
  --   NeurIPS 2020
  -- Example:
  --   nn.Snake(3):forward(torch.zeros(2, 3)):sum() --> 0.0
  function Snake:__init(numParameters, opts)
    parent.__init(self)
    local options = arguments.options(self, opts, { alpha = 1 })
    self.init = arguments.number(self, "alpha", options.alpha)
    if self.init == 0 then arguments.fail(self, "alpha is 0") end
    self:registerParameter("alpha", torch.Tensor(arguments.whole(self, "numParameters", numParameters, 1, 1)))
    self:reset()
  end

  function Snake:reset()
    self.alpha:fill(self.init)
  end

  function Snake:updateOutput(input)
    return nn.functional.snake(arguments.tensor(self, input), self.alpha)
  end

  function Snake:__tostring()
    return ("%s(%d)"):format(torch.typename(self), self.alpha:nElement())
  end
end
