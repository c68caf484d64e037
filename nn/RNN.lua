-- RNN.lua: the plain recurrent layer.
-- J. Elman, "Finding structure in time", Cognitive Science 14, 1990.

return function(nn, torch)
  local RNN, parent = torch.class("nn.RNN", "nn.RNNBase")

  --- nn.RNN(inputSize, hiddenSize [, options])
  --
  -- h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), layer upon layer.  output, h = rnn(x, h0) runs it:
  -- output has the last layer's h of every step, h the last h of every layer.  forward(x), or forward {x,
  -- h0}, gives the output only.
  --
  -- The input is steps x batch x inputSize; steps x inputSize is a batch of one, whose states have no
  -- batch either; a packed sequence (nn.utils.rnn.packPaddedSequence) gives one as output.  h0 is
  -- (numLayers directions) x batch x hiddenSize, zeros where it is left out; so is h.  The output is steps
  -- x batch x (directions hiddenSize).
  --
  -- inputSize, hiddenSize: numbers
  -- options: table of any of these:
  --   numLayers: 1 by default; a layer's input is the output of the one below
  --   nonlinearity: "tanh" (the default) or "relu"
  --   bias: false leaves out b_ih and b_hh
  --   batchFirst: true has batch x steps x size for input and output
  --   dropout: probability with which outputs between layers are zeroed while training, 0 by default
  --   bidirectional: true runs each layer in both directions and joins their outputs
  -- Returns: a module with weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, the like for l1 and so on, and
  --   for the other direction weight_ih_l0_reverse and so on; all uniform in +-1/sqrt(hiddenSize)
  -- Errors: an option is unknown or out of range; the input or the state has other sizes
  -- From: Elman, "Finding structure in time", 1990, as in PyTorch
  -- Example:
  --   rnn = nn.RNN(3, 4, { numLayers = 2 })
  --   y, h = rnn(torch.ones(5, 2, 3))
  --   y:size(1), h:size(1), h:size(3) --> 5 2 4
  function RNN:__init(inputSize, hiddenSize, options)
    parent.__init(self, inputSize, hiddenSize, 1, "rnn", options, { nonlinearity = "tanh" })
    if self.nonlinearity ~= "tanh" and self.nonlinearity ~= "relu" then
      nn._arguments.fail(self, "nonlinearity is %s, wanted \"tanh\" or \"relu\"", self.nonlinearity)
    end
  end
end
