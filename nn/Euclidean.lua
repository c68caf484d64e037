-- Euclidean.lua: the distances from x to learned points.

return function(nn, torch)
  local Euclidean, parent = torch.class("nn.Euclidean", "nn.Module")
  local arguments = nn._arguments

  --- nn.Euclidean(inputSize, outputSize)
  --
  -- y_j = |x - w_j|, the distance to each column of the weight.  Starts uniform in +-1/sqrt(inputSize).
  --
  -- inputSize, outputSize: numbers
  -- Returns: a module with weight, inputSize x outputSize.  Its input is (inputSize) or
  --   (batch, inputSize), its output likewise with outputSize
  -- Errors: the input is not of these shapes
  -- From: Torch7
  -- Example:
  --   module = nn.Euclidean(2, 1)
  --   module.weight:zero()
  --   module:forward(torch.Tensor { 3, 4 })[1] --> 5.0
  function Euclidean:__init(inputSize, outputSize)
    parent.__init(self)
    local n = arguments.whole(self, "inputSize", inputSize, nil, 1)
    local m = arguments.whole(self, "outputSize", outputSize, nil, 1)
    self.weight, self.gradWeight = torch.Tensor(n, m), torch.zeros(n, m)
    self.fastBackward = true
    self:reset()
  end

  function Euclidean:reset(stdv)
    arguments.uniform(self.weight, stdv, self.weight:size(1))
  end

  -- x - w_j, as batch x inputSize x outputSize.
  function Euclidean:_difference(input)
    arguments.tensor(self, input, 1, 2)
    if input:size(input:dim()) ~= self.weight:size(1) then
      arguments.fail(self, "the input is of %s, wanted rows of %d", arguments.shape(input),
        self.weight:size(1))
    end
    local n, m = self.weight:size(1), self.weight:size(2)
    return torch.reshape(input, input:nElement() // n, n, 1) - torch.reshape(self.weight, 1, n, m)
  end

  function Euclidean:_distance(difference, input)
    local y = torch.norm(difference, 2, 2, true)
    local m = self.weight:size(2)
    if input:dim() == 1 then return torch.reshape(y, m) end
    return torch.reshape(y, input:size(1), m)
  end

  function Euclidean:updateOutput(input)
    return self:_distance(self:_difference(input), input)
  end
end
