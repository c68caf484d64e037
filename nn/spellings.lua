-- spellings.lua: activations of Torch7 by PyTorch's names and with its arguments.

return function(nn, torch)
  local arguments = nn._arguments

  -- A class that extends one of Torch7's, of at most one argument.
  local function spell(name, base, names, defaults)
    local Class, parent = torch.class("nn." .. name, "nn." .. base)
    function Class:__init(...)
      local o = arguments.short(self, names, defaults, ...)
      parent.__init(self, names[1] and o[names[1]])
    end
    if #names > 0 then
      function Class:__tostring() return arguments.text(self, torch.typename(self), names) end
    end
  end

  --- nn.Hardtanh([minVal [, maxVal]]); nn.Hardshrink([lambda]); nn.Softshrink([lambda])
  -- nn.Softsign(); nn.Tanhshrink(); nn.Softmax2d()
  --
  -- PyTorch's names of nn.HardTanh, nn.HardShrink, nn.SoftShrink, nn.SoftSign, nn.TanhShrink and
  -- nn.SpatialSoftMax.  Arguments may also be given by name, as in nn.Hardtanh { maxVal = 2 }.
  --
  -- minVal, maxVal: numbers, -1 and 1 by default
  -- lambda: number, 0.5 by default
  -- Returns: a module
  -- From: PyTorch
  -- Example:
  --   nn.Hardtanh { maxVal = 2 }:forward(torch.Tensor { -5, 5 }):sum() --> 1.0
  --   nn.Softshrink():forward(torch.Tensor { 2 })[1] --> 1.5
  local Hardtanh, hardtanh = torch.class("nn.Hardtanh", "nn.HardTanh")
  function Hardtanh:__init(...)
    local o = arguments.short(self, { "minVal", "maxVal" }, { minVal = -1, maxVal = 1 }, ...)
    hardtanh.__init(self, o.minVal, o.maxVal)
  end
  function Hardtanh:__tostring()
    return ("%s(minVal = %s, maxVal = %s)"):format(torch.typename(self), self.min_val, self.max_val)
  end
  spell("Hardshrink", "HardShrink", { "lambda" }, { lambda = 0.5 })
  spell("Softshrink", "SoftShrink", { "lambda" }, { lambda = 0.5 })
  spell("Softsign", "SoftSign", {}, {})
  spell("Tanhshrink", "TanhShrink", {}, {})
  spell("Softmax2d", "SpatialSoftMax", {}, {})

  --- nn.Softplus([beta [, threshold]])
  --
  -- log(1 + exp(beta x)) / beta of each element, and x itself where beta x is above the threshold.
  --
  -- beta: number, 1 by default; both also in a table
  -- threshold: number, 20 by default
  -- Returns: a module; its input and output are tensors of any shape
  -- From: PyTorch
  -- Example:
  --   nn.Softplus(2, -1):forward(torch.Tensor { 3 })[1] --> 3.0
  local Softplus, softplus = torch.class("nn.Softplus", "nn.SoftPlus")
  function Softplus:__init(...)
    local o = arguments.short(self, { "beta", "threshold" }, { beta = 1, threshold = 20 }, ...)
    softplus.__init(self, o.beta)
    self.threshold = arguments.number(self, "threshold", o.threshold)
  end
  function Softplus:updateOutput(input)
    arguments.tensor(self, input)
    return nn.functional.softplus(input, self.beta, self.threshold)
  end
  function Softplus:__tostring()
    return arguments.text(self, torch.typename(self), { "beta", "threshold" })
  end

  --- nn.Softmax([dim]); nn.LogSoftmax([dim]); nn.Softmin([dim])
  --
  -- exp(x_i) / sum_j exp(x_j) along a dimension, its logarithm, or the same of -x.
  --
  -- dim: 1 to x:dim(), negative counts from the last; also in a table.  By default the second, or the
  --   first of a vector or of an input of 3 dimensions
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: the input has no such dimension
  -- From: PyTorch
  -- Example:
  --   nn.Softmax(1):forward(torch.zeros(2, 4))[1][1] --> 0.5
  --   nn.Softmin(-1):forward(torch.zeros(2, 4))[1][1] --> 0.25
  --   nn.LogSoftmax { dim = 3 }:forward(torch.zeros(2, 4, 1)):sum() == 0 --> true
  for name, along in pairs {
    Softmax = { "softmax", "SoftMax" }, LogSoftmax = { "logSoftmax", "LogSoftMax" },
    Softmin = { "softmin", "SoftMin" },
  } do
    local Class, parent = torch.class("nn." .. name, "nn." .. along[2])
    function Class:__init(...)
      parent.__init(self)
      local o = arguments.short(self, { "dim" }, { dim = arguments.NONE }, ...)
      self.dim = o.dim and arguments.whole(self, "dim", o.dim)
    end
    function Class:updateOutput(input)
      arguments.tensor(self, input)
      local dim = self.dim or (input:dim() == 1 or input:dim() == 3) and 1 or 2
      return nn.functional[along[1]](input, arguments.dimension(self, input, dim))
    end
    function Class:__tostring()
      return arguments.text(self, torch.typename(self), { "dim" })
    end
  end
end
