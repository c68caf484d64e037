-- dropouts.lua: the kinds of dropout that PyTorch has beside nn.Dropout.

return function(nn, torch)
  local arguments = nn._arguments

  -- A class with the option p that calls f(module, input, p) while training.
  local function kind(name, f)
    local Class, parent = torch.class("nn." .. name, "nn.Module")

    function Class:__init(...)
      parent.__init(self)
      local options = arguments.short(self, { "p" }, { p = 0.5 }, ...)
      self.train = true
      self:setp(options.p)
    end

    function Class:setp(p)
      self.p = arguments.number(self, "p", p)
      if not (self.p >= 0 and self.p <= 1) then
        arguments.fail(self, "p is %g, wanted a number from 0 to 1", self.p)
      end
    end

    function Class:updateOutput(input)
      arguments.tensor(self, input, 1)
      return self.train and self.p > 0 and f(self, input, self.p) or input
    end

    function Class:__tostring()
      return arguments.text(self, torch.typename(self), { "p" })
    end
  end

  --- nn.Dropout1d([p]); nn.Dropout2d([p]); nn.Dropout3d([p])
  -- nn.Dropout1d:setp(p); nn.Dropout2d:setp(p); nn.Dropout3d:setp(p)
  --
  -- While training, zeroes whole channels with probability p, each sample's by themselves, and divides the
  -- others by 1 - p.  setp sets p.
  --
  -- p: number, 0.5 by default; also in a table: { p = 0.1 }
  -- Returns: a module; its input and output are (batch x) channels x 1, 2 or 3 sizes
  -- Errors: p is outside 0 to 1, or the input has other dimensions
  -- From: Tompson and others, "Efficient object localization using convolutional networks", CVPR 2015, as
  --   in PyTorch
  -- Example:
  --   y = nn.Dropout2d(0.5):forward(torch.ones(4, 8, 2, 2))
  --   y[1][1]:max() == y[1][1]:min() --> true
  for places = 1, 3 do
    local name = ("ropout%dd"):format(places)
    kind("D" .. name, function(self, input, p)
      arguments.tensor(self, input, places + 1, places + 2)
      return nn.functional["d" .. name](input, p)
    end)
  end

  --- nn.AlphaDropout([p]); nn.FeatureAlphaDropout([p])
  -- nn.AlphaDropout:setp(p); nn.FeatureAlphaDropout:setp(p)
  --
  -- While training, sets elements, or whole channels, with probability p to what nn.SELU gives for
  -- -infinity, and scales and shifts all so that mean 0 and variance 1 stay.  setp sets p.
  --
  -- p: number, 0.5 by default; also in a table
  -- Returns: a module; its input and output are tensors of any shape, for nn.FeatureAlphaDropout
  --   batch x channels x ..
  -- Errors: p is outside 0 to 1
  -- From: Klambauer and others, "Self-normalizing neural networks", NeurIPS 2017
  -- Example:
  --   nn.AlphaDropout(0):forward(torch.ones(3)):sum() --> 3.0
  kind("AlphaDropout", function(_, input, p) return nn.functional.alphaDropout(input, p) end)
  kind("FeatureAlphaDropout", function(self, input, p)
    return nn.functional.featureAlphaDropout(arguments.tensor(self, input, 2), p)
  end)

  --- nn.DropPath([p]); nn.DropPath:setp(p)
  --
  -- While training, zeroes whole samples with probability p and divides the others by 1 - p: put behind the
  -- layers of a residual block, it leaves them out at random.  setp sets p.
  --
  -- p: number, 0.5 by default; also in a table
  -- Returns: a module; its input and output are batch x ..
  -- Errors: p is outside 0 to 1
  -- From: Huang and others, "Deep networks with stochastic depth", ECCV 2016
  -- Example:
  --   y = nn.DropPath(0.5):forward(torch.ones(6, 3))
  --   y[1]:max() == y[1]:min() --> true
  kind("DropPath", function(_, input, p) return nn.functional.dropPath(input, p) end)
end
