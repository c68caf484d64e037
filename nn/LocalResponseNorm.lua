-- LocalResponseNorm.lua: each element divided by a power of what its neighbours in other channels amount
-- to: nn.LocalResponseNorm and, for images, nn.CrossMapLRN2d.

return function(nn, torch)
  local LocalResponseNorm, parent = torch.class("nn.LocalResponseNorm", "nn.Module")
  local arguments = nn._arguments

  --- nn.LocalResponseNorm(size [, opts]); nn.CrossMapLRN2d(size [, opts])
  --
  -- x / (k + alpha m)^beta, m being the mean of the squares of `size` neighbouring channels, with zeros
  -- outside.
  --
  -- size: how many channels
  -- opts: table: alpha: 1e-4, beta: 0.75 and k: 1 by default
  -- Returns: a module; its input and output are batch x channels x .., for nn.CrossMapLRN2d
  --   (batch x) channels x height x width
  -- Errors: the input has other dimensions
  -- From: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural
  --   networks", NeurIPS 2012
  -- Example:
  --   nn.LocalResponseNorm(1, { alpha = 1, beta = 1 }):forward(torch.ones(1, 3, 2)):sum() --> 3.0
  function LocalResponseNorm:__init(size, opts)
    parent.__init(self)
    local options = arguments.options(self, opts, { alpha = 1e-4, beta = 0.75, k = 1 })
    self.size = arguments.whole(self, "size", size, nil, 1)
    for _, name in ipairs { "alpha", "beta", "k" } do
      self[name] = arguments.number(self, name, options[name])
    end
  end

  function LocalResponseNorm:updateOutput(input)
    arguments.tensor(self, input, 3)
    return nn.functional.localResponseNorm(input, self.size, self.alpha, self.beta, self.k)
  end

  function LocalResponseNorm:__tostring()
    return ("%s(%d)"):format(torch.typename(self), self.size)
  end

  local CrossMapLRN2d = torch.class("nn.CrossMapLRN2d", "nn.LocalResponseNorm")

  function CrossMapLRN2d:updateOutput(input)
    arguments.tensor(self, input, 3, 4)
    local batch = input:dim() == 3 and torch.unsqueeze(input, 1) or input
    local y = nn.functional.localResponseNorm(batch, self.size, self.alpha, self.beta, self.k)
    return torch.reshape(y, input.shape)
  end
end
