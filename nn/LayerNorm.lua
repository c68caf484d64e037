-- LayerNorm.lua: each sample with mean 0 and variance 1.  Ba, Kiros and Hinton, "Layer normalization",
-- 2016.

return function(nn, torch)
  local LayerNorm, parent = torch.class("nn.LayerNorm", "nn.Module")
  local arguments = nn._arguments

  -- A shape as a table, from a number or a table.
  local function shape_of(self, shape)
    return arguments.sizes(self, 0, table.unpack(type(shape) == "table" and shape or { shape }))
  end

  -- What nn.LayerNorm and nn.RMSNorm share: the sizes, and how many elements they are.
  function LayerNorm:_set_shape(shape)
    self.normalizedShape = shape_of(self, shape)
    self.n = 1
    for _, size in ipairs(self.normalizedShape) do self.n = self.n * size end
    if self.n == 0 then arguments.fail(self, "normalizedShape %s has no elements", self:_shape_text()) end
  end

  function LayerNorm:_shape_text()
    return table.concat(self.normalizedShape, "x")
  end

  function LayerNorm:_check(input)
    arguments.tensor(self, input, #self.normalizedShape)
    for d, size in ipairs(self.normalizedShape) do
      if input:size(input:dim() - #self.normalizedShape + d) ~= size then
        arguments.fail(self, "the input is of %s, wanted the last sizes %s", arguments.shape(input),
          self:_shape_text())
      end
    end
  end

  --- nn.LayerNorm(normalizedShape [, opts])
  --
  -- (x - mean) / sqrt(var + eps) * weight + bias, with the mean and the variance over the last dimensions.
  --
  -- normalizedShape: number, or table of the sizes of the last dimensions
  -- opts: table: eps: 1e-5 by default; elementwiseAffine: false leaves weight and bias out; bias: false
  --   leaves the bias out
  -- Returns: a module with weight, which starts as 1, and bias, which starts as 0; its input and output are
  --   .. x normalizedShape
  -- Errors: the input's last sizes are others
  -- From: Ba, Kiros and Hinton, "Layer normalization", 2016, as in PyTorch
  -- Example:
  --   y = nn.LayerNorm(4):forward(torch.rand(3, 4))
  --   math.abs(y[1]:sum()) < 1e-4 --> true
  function LayerNorm:__init(normalizedShape, opts)
    parent.__init(self)
    local options = arguments.options(self, opts, { eps = 1e-5, elementwiseAffine = true, bias = true })
    self:_set_shape(normalizedShape)
    self.eps = arguments.number(self, "eps", options.eps)
    if arguments.flag(self, "elementwiseAffine", options.elementwiseAffine) then
      self:registerParameter("weight", torch.Tensor(table.unpack(self.normalizedShape)))
      if arguments.flag(self, "bias", options.bias) then
        self:registerParameter("bias", torch.Tensor(table.unpack(self.normalizedShape)))
      end
    end
    self:reset()
  end

  function LayerNorm:reset()
    if self.weight then self.weight:fill(1) end
    if self.bias then self.bias:zero() end
  end

  function LayerNorm:updateOutput(input)
    self:_check(input)
    return nn.functional.layerNorm(input, self.n, self.weight, self.bias, self.eps)
  end

  function LayerNorm:__tostring()
    return ("%s(%s)"):format(torch.typename(self), self:_shape_text())
  end
end
