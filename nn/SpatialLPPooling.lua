-- SpatialLPPooling.lua: the p-norm of each window of an image.

return function(nn, torch)
  local SpatialLPPooling, parent = torch.class("nn.SpatialLPPooling", "nn.Sequential")

  --- nn.SpatialLPPooling(nInputPlane, pnorm, kW, kH [, dW [, dH]])
  --
  -- (sum of x^pnorm)^(1/pnorm) over each window of an image.
  --
  -- nInputPlane: not looked at
  -- pnorm: number
  -- kW, kH: width and height of a window
  -- dW, dH: how far apart the windows are; kW and kH by default
  -- Returns: a module; its input is (batch x) planes x height x width
  -- From: Torch7
  -- Example:
  --   nn.SpatialLPPooling(1, 2, 2, 1):forward(torch.Tensor { 3, 4 }:view(1, 1, 2)):sum() --> 5.0
  function SpatialLPPooling:__init(_, pnorm, kW, kH, dW, dH)
    parent.__init(self)
    pnorm = nn._arguments.number(self, "pnorm", pnorm)
    nn._convolution.set(self, 1, "kW kH dW dH", kW, kH, dW or kW, dH or kH)
    self:add(pnorm == 2 and nn.Square() or nn.Power(pnorm))
    self:add(nn.SpatialAveragePooling(self.kW, self.kH, self.dW, self.dH))
    self:add(nn.MulConstant(self.kW * self.kH))
    self:add(pnorm == 2 and nn.Sqrt() or nn.Power(1 / pnorm))
  end
end
