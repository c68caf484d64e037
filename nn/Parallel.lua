-- Parallel.lua: a module for each part of a tensor.

return function(nn, torch)
  local Parallel, parent = torch.class("nn.Parallel", "nn.Container")

  --- nn.Parallel(inputDimension, outputDimension)
  --
  -- Gives the first part of its input along inputDimension to its first module, the second to the second,
  -- and so on, and joins their outputs along outputDimension.
  --
  -- inputDimension: number; the parts are without it; negative counts from the last
  -- outputDimension: number; negative counts from the last
  -- Returns: an empty container
  -- Errors: the input has more parts than there are modules; the outputs do not fit together
  -- From: Torch7
  -- Example:
  --   net = nn.Parallel(2, 1):add(nn.Linear(4, 3)):add(nn.Linear(4, 2))
  --   net:forward(torch.ones(4, 2)):size(1) --> 5
  function Parallel:__init(inputDimension, outputDimension)
    parent.__init(self)
    self.inputDimension = inputDimension
    self.outputDimension = outputDimension
  end

  function Parallel:updateOutput(input)
    nn.tables.tensor(self, input)
    local dim = nn.tables.dimension(self, self.inputDimension, input)
    local parts, outputs = input:size(dim), {}
    if parts > #self.modules then
      nn._arguments.fail(self, "a module for each of %d parts is wanted, got %d", parts, #self.modules)
    end
    for i = 1, parts do
      outputs[i] = self.modules[i]:_run(input:select(dim, i))
    end
    return nn.tables.join(self, outputs, self.outputDimension)
  end

  Parallel.__tostring__ = nn.Container._branches
end
