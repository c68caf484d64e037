-- Cosine.lua: the cosines of the angles between x and learned vectors.

return function(nn, torch)
  local Cosine, parent = torch.class("nn.Cosine", "nn.Module")
  local arguments = nn._arguments

  --- nn.Cosine(inputSize, outputSize)
  --
  -- y_j = x . w_j / (|x| |w_j|), the cosine of the angle between x and each row of the weight.
  -- Starts uniform in +-1/sqrt(outputSize).
  --
  -- inputSize, outputSize: numbers
  -- Returns: a module with weight, outputSize x inputSize.  Its input is (inputSize) or
  --   (batch, inputSize), its output likewise with outputSize
  -- Errors: the input is not of these shapes
  -- From: Torch7
  -- Example:
  --   module = nn.Cosine(2, 1)
  --   module.weight:copy(torch.Tensor { { 0, 3 } })
  --   module:forward(torch.Tensor { 3, 4 })[1] --> 0.80000001192093
  function Cosine:__init(inputSize, outputSize)
    parent.__init(self)
    local n = arguments.whole(self, "inputSize", inputSize, nil, 1)
    local m = arguments.whole(self, "outputSize", outputSize, nil, 1)
    self.weight, self.gradWeight = torch.Tensor(m, n), torch.zeros(m, n)
    self:reset()
  end

  function Cosine:reset(stdv)
    arguments.uniform(self.weight, stdv, self.weight:size(1))
  end

  local function length(rows)
    return torch.add(torch.norm(rows, 2, 2, true), 1e-12)
  end

  function Cosine:updateOutput(input)
    arguments.tensor(self, input, 1, 2)
    if input:size(input:dim()) ~= self.weight:size(2) then
      arguments.fail(self, "the input is of %s, wanted rows of %d", arguments.shape(input),
        self.weight:size(2))
    end
    local outputs = self.weight:size(1)
    local rows = torch.reshape(input, input:nElement() // self.weight:size(2), self.weight:size(2))
    local y = torch.mm(rows, torch.transpose(self.weight, 1, 2))
    y = torch.cdiv(torch.cdiv(y, torch.reshape(length(self.weight), 1, outputs)), length(rows))
    return input:dim() == 1 and torch.reshape(y, outputs) or y
  end
end
