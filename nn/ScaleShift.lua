-- ScaleShift.lua: y = x * weight + bias, element by element.

return function(nn, torch)
  local ScaleShift, parent = torch.class("nn.ScaleShift", "nn.Module")
  local arguments = nn._arguments

  --- nn.ScaleShift(shape [, opts])
  --
  -- x * weight + bias, element by element, for the last dimensions of x, with a learned weight, which
  -- starts as 1, and bias, which starts as 0.
  --
  -- shape: number, or table of sizes that broadcast to x's last ones
  -- opts: table: bias: false leaves the bias out
  -- Returns: a module with weight and bias of that shape; its output has its input's shape
  -- Errors: the input does not fit
  -- Example:
  --   module = nn.ScaleShift(3)
  --   module.bias:fill(2)
  --   module:forward(torch.ones(4, 3)):sum() --> 36.0
  function ScaleShift:__init(shape, opts)
    parent.__init(self)
    local options = arguments.options(self, opts, { bias = true })
    local sizes = arguments.sizes(self, 0, table.unpack(type(shape) == "table" and shape or { shape }))
    self:registerParameter("weight", torch.Tensor(table.unpack(sizes)))
    if arguments.flag(self, "bias", options.bias) then
      self:registerParameter("bias", torch.Tensor(table.unpack(sizes)))
    end
    self:reset()
  end

  function ScaleShift:reset()
    self.weight:fill(1)
    if self.bias then self.bias:zero() end
  end

  function ScaleShift:updateOutput(input)
    arguments.tensor(self, input, self.weight:dim())
    for d = 1, self.weight:dim() do
      local size = self.weight:size(-d)
      if size ~= 1 and size ~= input:size(-d) then
        arguments.fail(self, "the input is of %s, wanted the last sizes %s", arguments.shape(input),
          arguments.shape(self.weight))
      end
    end
    if self.bias then return torch.addcmul(self.bias, 1, input, self.weight) end
    return torch.cmul(input, self.weight)
  end

  function ScaleShift:__tostring()
    return ("%s(%s)"):format(torch.typename(self), arguments.shape(self.weight))
  end
end
