-- SpatialCrossMapLRN.lua: each element divided by a power of what its neighbours in other planes amount to.

return function(nn, torch)
  local SpatialCrossMapLRN, parent = torch.class("nn.SpatialCrossMapLRN", "nn.Module")
  local arguments = nn._arguments

  --- nn.SpatialCrossMapLRN(size [, alpha [, beta [, k]]])
  --
  -- x / (k + alpha/size * s)^beta, s being the sum of the squares of `size` neighbouring planes.
  --
  -- size: how many planes, an odd number
  -- alpha, beta, k: numbers, 1e-4, 0.75 and 1 by default
  -- Returns: a module; its input and output are (batch x) planes x height x width
  -- Errors: size is even, or the input has other dimensions
  -- From: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural
  --   networks", NeurIPS 2012, as in Torch7
  -- Example:
  --   nn.SpatialCrossMapLRN(1, 1, 1):forward(torch.ones(3, 2, 2)):sum() --> 6.0
  function SpatialCrossMapLRN:__init(size, alpha, beta, k)
    parent.__init(self)
    self.size = arguments.whole(self, "size", size, nil, 1)
    if self.size % 2 == 0 then arguments.fail(self, "size is %d, wanted an odd number", self.size) end
    self.alpha = arguments.number(self, "alpha", alpha, 0.0001)
    self.beta = arguments.number(self, "beta", beta, 0.75)
    self.k = arguments.number(self, "k", k, 1)
  end

  function SpatialCrossMapLRN:updateOutput(input)
    arguments.tensor(self, input, 3, 4)
    local batch = input:dim() == 3 and torch.unsqueeze(input, 1) or input
    local y = nn.functional.localResponseNorm(batch, self.size, self.alpha, self.beta, self.k)
    return torch.reshape(y, input.shape)
  end
end
