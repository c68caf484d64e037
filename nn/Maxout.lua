-- Maxout.lua: the largest of several linear functions.

return function(nn, torch)
  local Maxout, parent = torch.class("nn.Maxout", "nn.Sequential")

  --- nn.Maxout(inputSize, outputSize, maxoutNumber [, preprocess])
  --
  -- Each element of the output is the largest of maxoutNumber linear functions of the input: nn.Linear,
  -- nn.View, preprocess if there is one, and nn.Max in a row.
  --
  -- inputSize, outputSize: numbers
  -- maxoutNumber: how many functions
  -- preprocess: nn.Module between them and the maximum
  -- Returns: a module; its input is (batch x) inputSize, its output (batch x) outputSize
  -- From: Goodfellow and others, "Maxout networks", ICML 2013, as in Torch7
  -- Example:
  --   nn.Maxout(4, 3, 2):forward(torch.ones(5, 4)):size(2) --> 3
  function Maxout:__init(inputSize, outputSize, maxoutNumber, preprocess)
    parent.__init(self)
    outputSize = nn._arguments.whole(self, "outputSize", outputSize, nil, 0)
    maxoutNumber = nn._arguments.whole(self, "maxoutNumber", maxoutNumber, nil, 1)
    self:add(nn.Linear(inputSize, outputSize * maxoutNumber))
    self:add(nn.View(maxoutNumber, outputSize):setNumInputDims(1))
    if preprocess then self:add(preprocess) end
    self:add(nn.Max(1, 2))
  end
end
