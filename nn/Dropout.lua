-- Dropout.lua: zeroes elements at random while training.
-- Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.

return function(nn, torch)
  local Dropout, parent = torch.class("nn.Dropout", "nn.Module")
  local arguments = nn._arguments

  --- nn.Dropout([p [, v1 [, inplace [, stochasticInference]]]])
  --
  -- While training, each element is zero with probability p and the others are divided by 1 - p, so that
  -- evaluation needs no scaling.
  --
  -- p: number, 0.5 by default
  -- v1: true scales in evaluation instead
  -- inplace: for Torch7's scripts; the input is never changed
  -- stochasticInference: true drops elements in evaluation too
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: p is not within 0 <= p < 1
  -- From: Srivastava and others, "Dropout: a simple way to prevent neural networks from overfitting",
  --   JMLR 2014, as in Torch7
  -- Example:
  --   module = nn.Dropout(0.5)
  --   module:forward(torch.ones(100)):max() --> 2.0
  function Dropout:__init(p, v1, inplace, stochasticInference)
    parent.__init(self)
    self.p = arguments.number(self, "p", p, 0.5)
    self.train = true
    self.v2 = not v1
    self.inplace = inplace
    self.stochastic_inference = stochasticInference or false
    if not (self.p >= 0 and self.p < 1) then arguments.fail(self, "p = %g, wanted 0 <= p < 1", self.p) end
  end

  function Dropout:updateOutput(input)
    if self.train or self.stochastic_inference then return nn.functional.dropout(input, self.p, self.v2) end
    return self.v2 and input or torch.mul(input, 1 - self.p)
  end

  --- nn.Dropout:setp(p)
  --
  -- Sets the probability.
  --
  -- p: number
  -- From: Torch7
  -- Example:
  --   module = nn.Dropout(0.5)
  --   module:setp(0)
  --   module:forward(torch.ones(9)):sum() --> 9.0
  function Dropout:setp(p)
    self.p = p
  end

  function Dropout:__tostring()
    return ("%s(%f)"):format(torch.typename(self), self.p)
  end
end
