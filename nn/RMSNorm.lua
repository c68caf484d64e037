-- RMSNorm.lua: each sample with mean square 1.

return function(nn, torch)
  local RMSNorm, parent = torch.class("nn.RMSNorm", "nn.LayerNorm")
  local arguments = nn._arguments

  --- nn.RMSNorm(normalizedShape [, opts])
  --
  -- x / sqrt(mean(x^2) + eps) * weight, with the mean over the last dimensions.
  --
  -- normalizedShape: number, or table of the sizes of the last dimensions
  -- opts: table: eps: 2^-52 for float64 and 2^-23 for other types by default; elementwiseAffine: false
  --   leaves the weight out
  -- Returns: a module with weight, which starts as 1; its input and output are .. x normalizedShape
  -- Errors: the input's last sizes are others
  -- From: Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019, as in PyTorch
  -- Example:
  --   y = nn.RMSNorm(2):forward(torch.Tensor { 3, 4 })
  --   math.abs(y:norm() - math.sqrt(2)) < 1e-5 --> true
  function RMSNorm:__init(normalizedShape, opts)
    local options = arguments.options(self, opts, { eps = arguments.NONE, elementwiseAffine = true })
    parent.__init(self, normalizedShape, { elementwiseAffine = options.elementwiseAffine, bias = false })
    self.eps = options.eps and arguments.number(self, "eps", options.eps)
  end

  function RMSNorm:updateOutput(input)
    self:_check(input)
    return nn.functional.rmsNorm(input, self.n, self.weight, self.eps)
  end
end
