-- GRUCell.lua: one step of a GRU.

return function(_, torch)
  local GRUCell, parent = torch.class("nn.GRUCell", "nn.RNNCellBase")

  --- nn.GRUCell(inputSize, hiddenSize [, options])
  --
  -- One step of nn.GRU: h = cell(x, h), or forward {x, h}; without h it starts from zeros.
  --
  -- inputSize, hiddenSize: numbers
  -- options: table: bias; false leaves the biases out
  -- Returns: a module with weight_ih, weight_hh, bias_ih and bias_hh.  Its input is (batch x) inputSize,
  --   its state and its output (batch x) hiddenSize
  -- Errors: an option is unknown; the sizes do not fit
  -- From: PyTorch
  -- Example:
  --   nn.GRUCell(3, 4)(torch.ones(2, 3)):size(2) --> 4
  function GRUCell:__init(inputSize, hiddenSize, options)
    parent.__init(self, inputSize, hiddenSize, 3, "gru", options)
  end
end
