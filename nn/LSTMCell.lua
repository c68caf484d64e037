-- LSTMCell.lua: one step of an LSTM.

return function(nn, torch)
  local LSTMCell, parent = torch.class("nn.LSTMCell", "nn.RNNCellBase")
  local arguments = nn._arguments

  --- nn.LSTMCell(inputSize, hiddenSize [, options])
  --
  -- One step of nn.LSTM: h, c = cell(x, {h, c}); without a state it starts from zeros.  forward(x), or
  -- forward {x, {h, c}}, gives h only.
  --
  -- inputSize, hiddenSize: numbers
  -- options: table: bias; false leaves the biases out
  -- Returns: a module with weight_ih, weight_hh, bias_ih and bias_hh.  Its input is (batch x) inputSize, h
  --   and c are (batch x) hiddenSize
  -- Errors: an option is unknown; the sizes do not fit
  -- From: PyTorch
  -- Example:
  --   cell = nn.LSTMCell(3, 4)
  --   h, c = cell(torch.ones(2, 3))
  --   h, c = cell(torch.ones(2, 3), { h, c })
  --   h:size(2), c:size(2) --> 4 4
  function LSTMCell:__init(inputSize, hiddenSize, options)
    parent.__init(self, inputSize, hiddenSize, 4, "lstm", options)
  end

  function LSTMCell:updateOutput(...)
    local input, state = arguments.inputs(...)
    if state ~= nil and (type(state) ~= "table" or #state ~= 2) then
      arguments.fail(self, "the state is a %s, wanted a table of h and c", torch.type(state))
    end
    local x, states, single = self:_step(input, { table.unpack(state or {}) })
    local _, h, c = nn.functional.lstm(x, states[1], states[2], self.weight_ih, self.weight_hh,
      self.bias_ih, self.bias_hh)
    if single then return h:select(1, 1), c:select(1, 1) end
    return h, c
  end
end
