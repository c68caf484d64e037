-- LSTM.lua: layers of long short-term memory.
-- S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9, 1997.

return function(_, torch)
  local LSTM, parent = torch.class("nn.LSTM", "nn.RNNBase")

  --- nn.LSTM(inputSize, hiddenSize [, options])
  --
  -- From the parts i f g o of W_ih x + b_ih + W_hh h + b_hh, the new c is sigmoid(f) c + sigmoid(i) tanh(g)
  -- and the new h is sigmoid(o) tanh(c), layer upon layer.  output, state = lstm(x, {h0, c0}) runs it, and
  -- state is {h, c}; forward(x), or forward {x, {h0, c0}}, gives the output only.  Inputs, states and
  -- options are those of nn.RNN, with projSize for nonlinearity.
  --
  -- inputSize, hiddenSize: numbers
  -- options: table: numLayers, bias, batchFirst, dropout, bidirectional, and
  --   projSize: h is projected to so many numbers by weight_hr_l0; 0, the default: it is not
  -- Returns: a module with weight_ih_l0 and so on, as nn.RNN
  -- Errors: an option is unknown or out of range; the input or the state has other sizes
  -- From: Hochreiter and Schmidhuber, "Long short-term memory", 1997; Gers and others, "Learning to forget",
  --   2000; as in PyTorch
  -- Example:
  --   lstm = nn.LSTM(3, 4)
  --   y, state = lstm(torch.ones(5, 2, 3))
  --   y, state = lstm(torch.ones(1, 2, 3), state)
  --   y:size(1), state[2]:size(3) --> 1 4
  function LSTM:__init(inputSize, hiddenSize, options)
    parent.__init(self, inputSize, hiddenSize, 4, "lstm", options, { projSize = 0 })
  end

  function LSTM:updateOutput(input, state)
    input, state = self:_arguments(input, state)
    return self:_layers(input, state, { "h", "c" }, { self:_outputSize(), self.hiddenSize })
  end
end
