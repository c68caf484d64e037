-- RNNCellBase.lua: what RNNCell, LSTMCell and GRUCell share.

return function(nn, torch)
  local RNNCellBase, parent = torch.class("nn.RNNCellBase", "nn.Module")
  local arguments = nn._arguments
  local fail = arguments.fail

  --- nn.RNNCellBase(inputSize, hiddenSize, gates, run [, options [, more]])
  --
  -- The base of nn.RNNCell, nn.LSTMCell and nn.GRUCell.
  --
  -- inputSize, hiddenSize: numbers
  -- gates: how many gates a unit has
  -- run: name of the function of nn.functional that runs one layer
  -- options: table, as those classes have it
  -- more: table: options that one class only has, with their defaults
  -- Returns: a module
  -- Errors: an option is unknown
  -- From: PyTorch
  -- Example:
  --   torch.isTypeOf(nn.GRUCell(3, 4), "nn.RNNCellBase") --> true
  function RNNCellBase:__init(inputSize, hiddenSize, gates, run, options, more)
    parent.__init(self)
    local known = { bias = true }
    for name, value in pairs(more or {}) do known[name] = value end
    local o = arguments.options(self, options, known)
    self.inputSize = arguments.whole(self, "inputSize", inputSize, nil, 1)
    self.hiddenSize = arguments.whole(self, "hiddenSize", hiddenSize, nil, 1)
    self.nonlinearity, self._function = o.nonlinearity, run
    local rows = gates * hiddenSize
    self:registerParameter("weight_ih", torch.Tensor(rows, inputSize))
    self:registerParameter("weight_hh", torch.Tensor(rows, hiddenSize))
    if arguments.flag(self, "bias", o.bias) then
      self:registerParameter("bias_ih", torch.Tensor(rows))
      self:registerParameter("bias_hh", torch.Tensor(rows))
    end
    self:reset()
  end

  function RNNCellBase:reset(stdv)
    for _, p in ipairs((self:parameters())) do arguments.uniform(p, stdv, self.hiddenSize) end
    return self
  end

  -- A sample or a batch as a batch.
  function RNNCellBase:_batch(t, what, width)
    if t == nil then return end
    if not torch.isTensor(t) then fail(self, "%s is a %s, wanted a tensor", what, torch.type(t)) end
    if t:dim() < 1 or t:dim() > 2 or t:size(t:dim()) ~= width then
      fail(self, "%s is of %s, wanted (batch x) %d", what, arguments.shape(t), width)
    end
    return t:dim() == 1 and t:unsqueeze(1) or t
  end

  -- Of one step: x and a list of states as batches, and whether x is one sample.
  function RNNCellBase:_step(input, states)
    local x = self:_batch(input, "the input", self.inputSize)
    if x == nil then fail(self, "an input is missing") end
    for k = 1, 2 do states[k] = self:_batch(states[k], k == 1 and "h" or "c", self.hiddenSize) end
    return x:unsqueeze(1), states, input:dim() == 1
  end

  -- RNNCell and GRUCell have one state.
  function RNNCellBase:updateOutput(...)
    local input, h = arguments.inputs(...)
    local x, states, single = self:_step(input, { h })
    local _, new = nn.functional[self._function](x, states[1], self.weight_ih, self.weight_hh,
      self.bias_ih, self.bias_hh, nil, false, self.nonlinearity)
    return single and new:select(1, 1) or new
  end

  function RNNCellBase:__tostring()
    return ("%s(%d -> %d)%s"):format(torch.typename(self), self.inputSize, self.hiddenSize,
      self.bias_ih and "" or " without bias")
  end
end
