-- SpatialDropout.lua: dropout of whole planes of images, without scaling while training.

return function(nn, torch)
  local SpatialDropout, parent = torch.class("nn.SpatialDropout", "nn.Module")
  local arguments = nn._arguments

  SpatialDropout._places = 2 -- of a plane

  --- nn.SpatialDropout([p [, stochasticInference]])
  --
  -- While training, whole planes are zero with probability p; in evaluation all are multiplied by 1 - p.
  --
  -- p: number, 0.5 by default
  -- stochasticInference: true drops planes in evaluation too
  -- Returns: a module; its input and output are (batch x) planes x height x width
  -- Errors: p is outside 0 to 1, or the input has other dimensions
  -- From: Tompson and others, "Efficient object localization using convolutional networks", CVPR 2015, as
  --   in Torch7
  -- Example:
  --   y = nn.SpatialDropout():forward(torch.ones(8, 2, 2))
  --   y[1]:max() == y[1]:min(), y:max() <= 1 --> true true
  function SpatialDropout:__init(p, stochasticInference)
    parent.__init(self)
    self:setp(arguments.number(self, "p", p, 0.5))
    self.train = true
    self.stochastic_inference = arguments.flag(self, "stochasticInference", stochasticInference)
  end

  --- nn.SpatialDropout:setp(p)
  --
  -- Sets the probability.
  --
  -- p: number
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialDropout()
  --   module:setp(0)
  --   module:forward(torch.ones(1, 3, 3)):sum() --> 9.0
  function SpatialDropout:setp(p)
    self.p = arguments.number(self, "p", p)
    if not (self.p >= 0 and self.p <= 1) then
      arguments.fail(self, "p is %g, wanted a number from 0 to 1", self.p)
    end
  end

  function SpatialDropout:updateOutput(input)
    local n = self._places
    arguments.tensor(self, input, n + 1, n + 2)
    if not (self.train or self.stochastic_inference) then return input * (1 - self.p) end
    return nn.functional[("dropout%dd"):format(n)](input, self.p, false)
  end

  function SpatialDropout:__tostring()
    return ("%s(%f)"):format(torch.typename(self), self.p)
  end
end
