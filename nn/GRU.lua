-- GRU.lua: layers of gated recurrent units.
-- K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.

return function(_, torch)
  local GRU, parent = torch.class("nn.GRU", "nn.RNNBase")

  --- nn.GRU(inputSize, hiddenSize [, options])
  --
  -- r = sigmoid(W_ir x + b_ir + W_hr h + b_hr), z = sigmoid(W_iz x + b_iz + W_hz h + b_hz),
  -- n = tanh(W_in x + b_in + r (W_hn h + b_hn)), and the new h is (1 - z) n + z h, layer upon layer.
  -- output, h = gru(x, h0) runs it; forward(x), or forward {x, h0}, gives the output only.  Inputs, states
  -- and options are those of nn.RNN, without nonlinearity; weights and biases have the parts r z n one
  -- below the other.
  --
  -- inputSize, hiddenSize: numbers
  -- options: table: numLayers, bias, batchFirst, dropout, bidirectional
  -- Returns: a module with weight_ih_l0 and so on, as nn.RNN
  -- Errors: an option is unknown or out of range; the input or the state has other sizes
  -- From: Cho and others, "Learning phrase representations using RNN encoder-decoder for statistical
  --   machine translation", EMNLP 2014, in PyTorch's form
  -- Example:
  --   gru = nn.GRU(3, 4, { bidirectional = true })
  --   y, h = gru(torch.ones(5, 2, 3))
  --   y:size(3), h:size(1) --> 8 2
  function GRU:__init(inputSize, hiddenSize, options)
    parent.__init(self, inputSize, hiddenSize, 3, "gru", options)
  end
end
