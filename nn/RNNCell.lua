-- RNNCell.lua: one step of the plain recurrent layer.

return function(nn, torch)
  local RNNCell, parent = torch.class("nn.RNNCell", "nn.RNNCellBase")

  --- nn.RNNCell(inputSize, hiddenSize [, options])
  --
  -- h' = tanh(W_ih x + b_ih + W_hh h + b_hh).  h = cell(x, h), or forward {x, h}; without h it starts from
  -- zeros.
  --
  -- inputSize, hiddenSize: numbers
  -- options: table of any of these:
  --   bias: false leaves out b_ih and b_hh
  --   nonlinearity: "tanh" (the default) or "relu"
  -- Returns: a module with weight_ih, weight_hh, bias_ih and bias_hh.  Its input is (batch x) inputSize,
  --   its state and its output (batch x) hiddenSize
  -- Errors: an option is unknown; the sizes do not fit
  -- From: PyTorch
  -- Example:
  --   cell = nn.RNNCell(3, 4)
  --   h = cell(torch.ones(2, 3))
  --   cell(torch.ones(2, 3), h):size(2) --> 4
  function RNNCell:__init(inputSize, hiddenSize, options)
    parent.__init(self, inputSize, hiddenSize, 1, "rnn", options, { nonlinearity = "tanh" })
    if self.nonlinearity ~= "tanh" and self.nonlinearity ~= "relu" then
      nn._arguments.fail(self, "nonlinearity is %s, wanted \"tanh\" or \"relu\"", self.nonlinearity)
    end
  end
end
