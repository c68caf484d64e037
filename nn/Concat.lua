-- Concat.lua: the outputs of several modules for one input, joined.

return function(nn, torch)
  local Concat, parent = torch.class("nn.Concat", "nn.Container")

  --- nn.Concat(dimension)
  --
  -- Gives the same input to all its modules and joins their outputs, which are tensors, along a dimension.
  --
  -- dimension: number; negative counts from the last
  -- Returns: an empty container
  -- Errors: it is empty; the outputs' sizes differ in another dimension
  -- From: Torch7
  -- Example:
  --   net = nn.Concat(2):add(nn.Linear(3, 4)):add(nn.Linear(3, 1))
  --   net:forward(torch.ones(6, 3)):size(2) --> 5
  function Concat:__init(dimension)
    parent.__init(self)
    self.dimension = dimension
    self.outputSize = torch.LongStorage()
  end

  function Concat:_outputs(input)
    local outputs = {}
    for i, m in ipairs(self.modules) do outputs[i] = m:_run(input) end
    if #outputs == 0 then nn._arguments.fail(self, "there is no module in it") end
    return outputs
  end

  function Concat:updateOutput(input)
    local output = nn.tables.join(self, self:_outputs(input), self.dimension)
    self.outputSize = output:size()
    return output
  end

  Concat.__tostring__ = nn.Container._branches
end
