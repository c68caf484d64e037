-- convolution.lua: what the classes of convolutions share: settings, parameters, their start, their text.

return function(nn, torch)
  local arguments, convolution = nn._arguments, nn._convolution
  local each = convolution.each

  -- Fields of a module, whole numbers not less than `least`: their names, parted by spaces, and their values.
  function convolution.set(self, least, names, ...)
    local values, i = { ... }, 0
    for name in names:gmatch("%S+") do
      i = i + 1
      self[name] = arguments.whole(self, name, values[i], nil, least)
    end
  end

  function convolution.parameters(self, weight, bias)
    self.weight, self.gradWeight = torch.Tensor(table.unpack(weight)), torch.zeros(table.unpack(weight))
    if bias then
      self.bias, self.gradBias = torch.Tensor(table.unpack(bias)), torch.zeros(table.unpack(bias))
    end
  end

  -- Values in +-1/sqrt(n), where n is how many inputs an output sees.
  function convolution.start(self, stdv, n)
    arguments.uniform(self.weight, stdv, n)
    if self.bias then arguments.uniform(self.bias, stdv, n) end
    return self
  end

  function convolution.noBias(self)
    self.bias, self.gradBias = nil, nil
    return self
  end

  -- The fields named prefix .. dimension, in the order of the dimensions: one text, and whether there is one
  -- that differs from `usual`.
  local function fields(self, prefix, dims, usual)
    local list, other = {}, false
    for i, d in ipairs(dims) do
      list[i] = self[prefix .. d] or usual
      other = other or list[i] ~= usual
    end
    return list, other
  end

  -- "nn.SpatialConvolution(3 -> 8, 5x5, 2,2, 1,1) without bias", as Torch7 has it; `dims` are the letters of
  -- its fields.
  function convolution.text(self, dims, sizes)
    local parts = { self.nInputPlane .. " -> " .. self.nOutputPlane, sizes }
    parts[#parts + 1] = table.concat(fields(self, "k", dims), "x")
    local step, far = fields(self, "d", dims, 1)
    local pad, padded = fields(self, "pad", dims, 0)
    local adj, adjusted = fields(self, "adj", dims, 0)
    if far or padded then parts[#parts + 1] = table.concat(step, ",") end
    if padded then parts[#parts + 1] = table.concat(pad, ",") end
    if adjusted then parts[#parts + 1] = table.concat(adj, ",") end
    if self.dilationW then parts[#parts + 1] = table.concat(fields(self, "dilation", dims, 1), ",") end
    return ("%s(%s)%s"):format(torch.typename(self), table.concat(parts, ", "),
      self.bias and "" or " without bias")
  end

  -- What kernels of kW frames see of a sequence, (batch x) frames x inputFrameSize: (batch x) places x
  -- inputFrameSize x kW.  A view.
  function convolution.frames(self, input)
    arguments.tensor(self, input, 2, 3)
    local n = input:dim()
    if input:size(n) ~= self.inputFrameSize or input:size(n - 1) < self.kW then
      arguments.fail(self, "the input is of %s, wanted frames of %d and at least %d of them",
        arguments.shape(input), self.inputFrameSize, self.kW)
    end
    return torch.unfold(input, n - 1, self.kW, self.dW)
  end

  -- The output padding of a transposed convolution, as a table in the order of dims: that of the module, or
  -- what it takes for an output with the target's last sizes.
  function convolution.adjust(self, target, dims)
    local extra = {}
    for i, d in ipairs(dims) do
      extra[i] = self["adj" .. d] or 0
      if target then
        arguments.tensor(self, target, #dims)
        local size = target:size(target:dim() - #dims + i)
        extra[i] = (size + 2 * self["pad" .. d] - self["k" .. d]) % self["d" .. d]
      end
    end
    return extra
  end

  -- ---- the classes with PyTorch's arguments ----------------------------------------------------------

  local defaults = { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, paddingMode = "zeros" }
  local paddings = { zeros = true, reflect = true, replicate = true, circular = true }

  local function read(self, n, inChannels, outChannels, kernelSize, opts, known)
    local o = arguments.options(self, opts, known)
    local name = torch.typename(self)
    convolution.set(self, 1, "inChannels outChannels groups", inChannels, outChannels, o.groups)
    if self.inChannels % self.groups ~= 0 or self.outChannels % self.groups ~= 0 then
      arguments.fail(self, "%d groups do not divide %d channels in and %d out", self.groups, self.inChannels,
        self.outChannels)
    end
    self.kernelSize = each(name, "kernel size", kernelSize, n)
    self.stride = each(name, "stride", o.stride, n)
    self.dilation = each(name, "dilation", o.dilation, n)
    return o
  end

  -- The settings and parameters of a convolution of n dimensions.
  function convolution.init(self, n, inChannels, outChannels, kernelSize, opts)
    local o = read(self, n, inChannels, outChannels, kernelSize, opts, defaults)
    if not paddings[o.paddingMode] then
      arguments.fail(self, "paddingMode is '%s', wanted 'zeros', 'reflect', 'replicate' or 'circular'",
        tostring(o.paddingMode))
    end
    self.paddingMode, self.padding = o.paddingMode, o.padding
    if o.padding == "same" then
      for _, s in ipairs(self.stride) do
        if s ~= 1 then arguments.fail(self, "padding 'same' wants a stride of 1, got %d", s) end
      end
    elseif o.padding ~= "valid" then
      self.padding = each(torch.typename(self), "padding", o.padding, n, 0, 0)
    end
    convolution.parameters(self,
      { self.outChannels, self.inChannels // self.groups, table.unpack(self.kernelSize) },
      arguments.flag(self, "bias", o.bias) and { self.outChannels })
  end

  -- As init; the weight has the channels in first.
  function convolution.initTransposed(self, n, inChannels, outChannels, kernelSize, opts)
    local o = read(self, n, inChannels, outChannels, kernelSize, opts,
      { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, outputPadding = 0 })
    local name = torch.typename(self)
    self.padding = each(name, "padding", o.padding, n, 0, 0)
    self.outputPadding = each(name, "output padding", o.outputPadding, n, 0, 0)
    convolution.parameters(self,
      { self.inChannels, self.outChannels // self.groups, table.unpack(self.kernelSize) },
      arguments.flag(self, "bias", o.bias) and { self.outChannels })
  end

  -- As PyTorch starts them: +-1/sqrt(n) with n the weight's elements for one place of its first dimension.
  function convolution.reset(self, stdv)
    return convolution.start(self, stdv, self.weight:nElement() // self.weight:size(1))
  end

  -- Input and padding of a convolution whose padding may not be of zeros.
  function convolution.padded(self, input)
    if self.paddingMode == "zeros" or self.padding == "valid" then return input, self.padding end
    local n, pads = #self.kernelSize, {}
    for d = 1, n do
      local total = self.dilation[d] * (self.kernelSize[d] - 1)
      local before = self.padding == "same" and total // 2 or self.padding[d]
      pads[2 * (n - d) + 1] = before
      pads[2 * (n - d) + 2] = self.padding == "same" and total - before or before
    end
    return nn.functional.pad(input, pads, self.paddingMode), 0
  end

  -- The output padding that gives an output of such sizes.
  function convolution.reach(self, input, outputSize)
    if not outputSize then return self.outputPadding end
    local n = #self.kernelSize
    local wanted = each(torch.typename(self), "output size", outputSize, n)
    local extra = {}
    for d = 1, n do
      local least = (input:size(input:dim() - n + d) - 1) * self.stride[d] - 2 * self.padding[d]
        + self.dilation[d] * (self.kernelSize[d] - 1) + 1
      extra[d] = wanted[d] - least
      if extra[d] < 0 or extra[d] >= self.stride[d] then
        arguments.fail(self, "the output size %d in dimension %d is outside %d..%d", wanted[d], d, least,
          least + self.stride[d] - 1)
      end
    end
    return extra
  end

  -- The gradient of a pair of which the second says nothing but a size: a single zero, as large as it.
  function convolution.without_size(gradInput)
    if type(gradInput) == "table" then
      local second = gradInput[2]
      gradInput[2] = torch.expand(second.new(1):zero(), table.unpack(second.shape))
    end
    return gradInput
  end

  -- "nn.Conv2d(3 -> 8, 5x5, stride 2x2)"
  function convolution.describe(self)
    local text = ("%s(%d -> %d, %s"):format(torch.typename(self), self.inChannels, self.outChannels,
      table.concat(self.kernelSize, "x"))
    for _, s in ipairs { { "stride", 1 }, { "padding", 0 }, { "outputPadding", 0 }, { "dilation", 1 } } do
      local value, other = self[s[1]], false
      for _, v in ipairs(type(value) == "table" and value or {}) do other = other or v ~= s[2] end
      if type(value) == "string" then text = text .. (", %s %s"):format(s[1], value) end
      if other then text = text .. (", %s %s"):format(s[1], table.concat(value, "x")) end
    end
    if self.groups > 1 then text = text .. (", %d groups"):format(self.groups) end
    if (self.paddingMode or "zeros") ~= "zeros" then text = text .. ", " .. self.paddingMode end
    return text .. ")" .. (self.bias and "" or " without bias")
  end
end
