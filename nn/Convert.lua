-- Convert.lua: changes the order of dimensions, or flattens them.

return function(nn, torch)
  local Convert, parent = torch.class("nn.Convert", "nn.Container")
  local arguments = nn._arguments

  --- nn.Convert([inputShape, outputShape])
  --
  -- Takes the input's dimensions into another order, and the input to the module's own type.  Shapes are
  -- strings with a letter for each dimension: b the batch (added in front where it is missing), c, h, w, t,
  -- f and any others.  An output of the same letters is a transposition; "bf" flattens each example; "b"
  -- takes the first of "bt" or the only one of "bf"; "bt" makes b x 1 of "b".  Without shapes only the type
  -- changes.
  --
  -- inputShape, outputShape: strings
  -- Returns: a module; its input is a tensor of the dimensions of inputShape, with or without the batch's
  -- Errors: there is no such conversion
  -- From: Torch7
  -- Example:
  --   nn.Convert("bchw", "bf"):forward(torch.ones(2, 3, 4, 5)):size(2) --> 60
  --   nn.Convert("chw", "hwc"):forward(torch.ones(3, 4, 5)):size(3) --> 3
  function Convert:__init(inputShape, outputShape)
    parent.__init(self)
    if outputShape and not inputShape then
      arguments.fail(self, "there is an output shape %s, but no input shape", outputShape)
    end
    for _, shape in ipairs { inputShape or "", outputShape or "" } do
      if type(shape) ~= "string" then
        arguments.fail(self, "a shape is a %s, wanted a string such as bchw", torch.type(shape))
      end
    end
    inputShape = inputShape or "b*"
    outputShape = outputShape or inputShape
    self.inputShape = inputShape:find("b", 1, true) and inputShape or "b" .. inputShape
    self.outputShape = outputShape:find("b", 1, true) and outputShape or "b" .. outputShape
    self.inputBatchDim = self.inputShape:find("b", 1, true)
    self.outputBatchDim = self.outputShape:find("b", 1, true)
    self.nInputDim, self.nOutputDim = #self.inputShape, #self.outputShape
    if self.inputShape == "b*" or self.outputShape == "b*" then
      if self.inputShape ~= self.outputShape then
        arguments.fail(self, "the shapes are %s and %s, wanted b* for both or neither", self.inputShape,
          self.outputShape)
      end
      self.nInputDim, self.nOutputDim = -1, -1
      self.transposition = true
    else
      self.transposition = self.nInputDim == self.nOutputDim
      for letter in self.inputShape:gmatch "." do
        self.transposition = self.transposition and self.outputShape:find(letter, 1, true) ~= nil
      end
    end
  end

  local function no_conversion(self)
    arguments.fail(self, "there is no conversion of shape %s to %s", self.inputShape, self.outputShape)
  end

  local function transposed(self, input)
    if self.inputShape == self.outputShape then return input end
    local order = {}
    for letter in self.outputShape:gmatch "." do
      order[#order + 1] = self.inputShape:find(letter, 1, true)
    end
    return input:permute(table.unpack(order))
  end

  -- The place of a letter in the input's shape, which has one beside b.
  local function only(self, letter)
    return #self.inputShape == 2 and self.inputShape:find(letter, 1, true)
  end

  local makes = {}

  function makes.bf(self, input)
    if self.inputShape == "bt" then no_conversion(self) end
    local b = self.inputBatchDim
    if b ~= 1 then input = input:transpose(1, b) end
    local n = input:size(1)
    return input:reshape(n, n > 0 and input:nElement() // n or 0)
  end

  function makes.b(self, input)
    local t, f = only(self, "t"), only(self, "f")
    if t then return input:select(t, 1) end
    if not f then no_conversion(self) end
    if input:size(f) ~= 1 then
      arguments.fail(self, "the input of %s has %d features, wanted 1 for shape b", arguments.shape(input),
        input:size(f))
    end
    return input:select(f, 1)
  end

  function makes.bt(self, input)
    if self.inputShape ~= "b" then no_conversion(self) end
    return input:reshape(input:size(1), 1)
  end

  function Convert:updateOutput(input)
    local alone = arguments.tensor(self, input):dim() < self.nInputDim
    if self.nInputDim > 0 and input:dim() ~= self.nInputDim - (alone and 1 or 0) then
      arguments.fail(self, "the input is of %s, wanted dimensions %s", arguments.shape(input),
        self.inputShape)
    end
    if input:type() ~= self._type then input = input:type(self._type) end
    if alone then input = torch.unsqueeze(input, self.inputBatchDim) end
    local output
    if self.transposition then
      output = transposed(self, input)
    else
      output = (makes[self.outputShape] or no_conversion)(self, input)
    end
    return alone and output:select(self.outputBatchDim, 1) or output
  end

  function Convert:__tostring__()
    return ("%s(%s -> %s)"):format(torch.typename(self), self.inputShape, self.outputShape)
  end
end
