-- RNNBase.lua: what RNN, LSTM and GRU share: layers, directions, the forms of input and state.

return function(nn, torch)
  local RNNBase, parent = torch.class("nn.RNNBase", "nn.Module")
  local arguments = nn._arguments
  local fail = arguments.fail

  local defaults = { numLayers = 1, bias = true, batchFirst = false, dropout = 0, bidirectional = false }

  --- nn.RNNBase(inputSize, hiddenSize, gates, run [, options [, more]])
  --
  -- The base of nn.RNN, nn.LSTM and nn.GRU.
  --
  -- inputSize, hiddenSize: numbers
  -- gates: how many gates a unit has
  -- run: name of the function of nn.functional that runs one layer in one direction
  -- options: table, as those classes have it
  -- more: table: options that one class only has, with their defaults
  -- Returns: a module
  -- Errors: an option is unknown or out of range
  -- From: PyTorch
  -- Example:
  --   torch.isTypeOf(nn.GRU(3, 4), "nn.RNNBase") --> true
  function RNNBase:__init(inputSize, hiddenSize, gates, run, options, more)
    parent.__init(self)
    local known = {}
    for name, value in pairs(defaults) do known[name] = value end
    for name, value in pairs(more or {}) do known[name] = value end
    local o = arguments.options(self, options, known)
    self.inputSize = arguments.whole(self, "inputSize", inputSize, nil, 1)
    self.hiddenSize = arguments.whole(self, "hiddenSize", hiddenSize, nil, 1)
    self.numLayers = arguments.whole(self, "numLayers", o.numLayers, nil, 1)
    self.dropout = arguments.number(self, "dropout", o.dropout)
    if self.dropout < 0 or self.dropout > 1 then fail(self, "dropout is %g, wanted 0 to 1", self.dropout) end
    for _, name in ipairs { "bias", "batchFirst", "bidirectional" } do
      self[name] = arguments.flag(self, name, o[name])
    end
    self.projSize = arguments.whole(self, "projSize", o.projSize, 0, 0)
    if self.projSize >= self.hiddenSize then
      fail(self, "projSize is %d, wanted less than the %d hidden units", self.projSize, self.hiddenSize)
    end
    self.nonlinearity = o.nonlinearity
    self._gates, self._function, self.train = gates, run, true
    self:_makeParameters()
    self:reset()
  end

  -- The ends of the parameters' names, layer by layer and direction by direction.
  function RNNBase:_suffixes()
    local list = {}
    for layer = 0, self.numLayers - 1 do
      list[#list + 1] = "_l" .. layer
      if self.bidirectional then list[#list + 1] = "_l" .. layer .. "_reverse" end
    end
    return list
  end

  function RNNBase:_outputSize()
    return self.projSize > 0 and self.projSize or self.hiddenSize
  end

  function RNNBase:_makeParameters()
    local rows, out = self._gates * self.hiddenSize, self:_outputSize()
    local directions = self.bidirectional and 2 or 1
    for i, suffix in ipairs(self:_suffixes()) do
      local width = i <= directions and self.inputSize or out * directions
      self:registerParameter("weight_ih" .. suffix, torch.Tensor(rows, width))
      self:registerParameter("weight_hh" .. suffix, torch.Tensor(rows, out))
      if self.bias then
        self:registerParameter("bias_ih" .. suffix, torch.Tensor(rows))
        self:registerParameter("bias_hh" .. suffix, torch.Tensor(rows))
      end
      if self.projSize > 0 then
        self:registerParameter("weight_hr" .. suffix, torch.Tensor(out, self.hiddenSize))
      end
    end
  end

  function RNNBase:reset(stdv)
    for _, p in ipairs((self:parameters())) do arguments.uniform(p, stdv, self.hiddenSize) end
    return self
  end

  -- ---- the forms of input and state ---------------------------------------------------------------

  local function is_packed(x)
    return type(x) == "table" and torch.isTensor(x.data) and torch.isTensor(x.batchSizes)
  end

  -- The states given, as a list of tensors (layers x batch x size); `names` says what they are.
  function RNNBase:_given(state, names, sizes, batch, unbatched)
    if state == nil then return {} end
    local list = state
    if #names == 1 and torch.isTensor(state) then list = { state } end
    if type(list) ~= "table" or #list ~= #names then
      fail(self, "the state is a %s, wanted %s", torch.type(state),
        #names == 1 and "a tensor" or "a table of " .. table.concat(names, " and "))
    end
    local layers, given = #self:_suffixes(), {}
    for k, t in ipairs(list) do
      if not torch.isTensor(t) then fail(self, "%s is a %s, wanted a tensor", names[k], torch.type(t)) end
      if unbatched and t:dim() == 2 then t = t:unsqueeze(2) end
      if t:dim() ~= 3 or t:size(1) ~= layers or t:size(2) ~= batch or t:size(3) ~= sizes[k] then
        fail(self, "%s is of %s, wanted %d x %sx %d", names[k], arguments.shape(list[k]), layers,
          unbatched and "" or batch .. " ", sizes[k])
      end
      given[k] = t
    end
    return given
  end

  -- The input as steps, batch and size, or as rows and the steps' sizes.
  function RNNBase:_steps(input)
    if is_packed(input) then return input.data, input.batchSizes, input.batchSizes[1] end
    local x = arguments.tensor(self, input, 2, 3)
    local unbatched = x:dim() == 2
    if unbatched then
      x = x:unsqueeze(2)
    elseif self.batchFirst then
      x = x:transpose(1, 2)
    end
    return x, nil, x:size(2), unbatched
  end

  function RNNBase:_form(y, input, unbatched)
    if is_packed(input) then
      return { data = y, batchSizes = input.batchSizes, sortedIndices = input.sortedIndices,
        unsortedIndices = input.unsortedIndices }
    elseif unbatched then
      return y:select(2, 1)
    end
    return self.batchFirst and y:transpose(1, 2) or y
  end

  -- ---- running --------------------------------------------------------------------------------------

  local function permuted(state, order)
    return order and state and state:index(2, order) or state
  end

  -- The weights of the layers whose names end so.
  function RNNBase:_weightsOf(suffixes)
    local list = {}
    for _, suffix in ipairs(suffixes) do
      for _, name in ipairs { "weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr" } do
        list[#list + 1] = self[name .. suffix]
      end
    end
    return list
  end

  -- Layers from number `first` on: the output and the last states.
  function RNNBase:_part(x, sizes, first, count, states)
    local directions, suffixes = self.bidirectional and 2 or 1, self:_suffixes()
    local from, n = (first - 1) * directions + 1, count * directions
    local part = {}
    for k, t in pairs(states) do part[k] = n == #suffixes and t or t:narrow(1, from, n) end
    return nn.functional._recurrent(self.nonlinearity or self._function, x, part[1], part[2], sizes, count,
      self.bidirectional, table.unpack(self:_weightsOf { table.unpack(suffixes, from, from + n - 1) }))
  end

  -- All layers; where numbers are dropped between them, one after the other.
  function RNNBase:_whole(x, sizes, states)
    if not (self.train and self.dropout > 0) then return self:_part(x, sizes, 1, self.numLayers, states) end
    local h, c = {}, {}
    for layer = 1, self.numLayers do
      if layer > 1 then x = nn.functional.dropout(x, self.dropout) end
      x, h[layer], c[layer] = self:_part(x, sizes, layer, 1, states)
    end
    return x, torch.cat(h, 1), c[1] and torch.cat(c, 1)
  end

  -- The output and the list of last states.
  function RNNBase:_layers(input, state, names, widths)
    local x, sizes, batch, unbatched = self:_steps(input)
    if x:size(x:dim()) ~= self.inputSize then
      fail(self, "the input is of %s, wanted %d as the last size", arguments.shape(x), self.inputSize)
    end
    local states = self:_given(state, names, widths, batch, unbatched)
    if sizes then
      for k = 1, #names do states[k] = permuted(states[k], input.sortedIndices) end
    end
    local last = table.pack(self:_whole(x, sizes, states))
    local y = table.remove(last, 1)
    for k, t in ipairs(last) do
      last[k] = unbatched and t:select(2, 1) or sizes and permuted(t, input.unsortedIndices) or t
    end
    return self:_form(y, input, unbatched), last
  end

  -- The input and the state, which also come as one table.
  function RNNBase:_arguments(input, state)
    if type(input) == "table" and not is_packed(input) then return input[1], input[2] end
    return input, state
  end

  -- RNN and GRU have one state.
  function RNNBase:updateOutput(input, state)
    input, state = self:_arguments(input, state)
    local output, last = self:_layers(input, state, { "the state" }, { self.hiddenSize })
    return output, last[1]
  end

  function RNNBase:__tostring()
    local parts = { ("%d -> %d"):format(self.inputSize, self.hiddenSize) }
    local function add(on, text) if on then parts[#parts + 1] = text end end
    add(self.projSize > 0, "projected to " .. self.projSize)
    add(self.nonlinearity and self.nonlinearity ~= "tanh", self.nonlinearity)
    add(self.numLayers > 1, self.numLayers .. " layers")
    add(self.bidirectional, "bidirectional")
    add(self.batchFirst, "batch first")
    add(self.dropout > 0, ("dropout %g"):format(self.dropout))
    return ("%s(%s)%s"):format(torch.typename(self), table.concat(parts, ", "),
      self.bias and "" or " without bias")
  end
end
