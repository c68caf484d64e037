-- Bottle.lua: more dimensions for a module than it knows.

return function(nn, torch)
  local Bottle, parent = torch.class("nn.Bottle", "nn.Decorator")

  --- nn.Bottle(module [, nInputDim [, nOutputDim]])
  --
  -- Lets a module that wants a batch in its first dimension have a batch of several dimensions: these are
  -- made one for the module and several again in the output.
  --
  -- module: nn.Module
  -- nInputDim: number of dimensions of the module's input, 2 by default
  -- nOutputDim: number of dimensions of its output, nInputDim by default
  -- Returns: a container
  -- Errors: the module's output has another number of dimensions
  -- From: Torch7
  -- Example:
  --   table.concat(nn.Bottle(nn.Linear(3, 2)):forward(torch.ones(4, 5, 3)).shape, "x") --> 4x5x2
  function Bottle:__init(module, nInputDim, nOutputDim)
    parent.__init(self, module)
    self.nInputDim = nn._arguments.whole(self, "nInputDim", nInputDim, 2, 1)
    self.nOutputDim = nn._arguments.whole(self, "nOutputDim", nOutputDim, self.nInputDim, 1)
    self.dimDelta = self.nInputDim - self.nOutputDim
  end

  function Bottle:updateOutput(input)
    nn.tables.tensor(self, input)
    local batch = input:dim() - self.nInputDim + 1
    if batch <= 1 then return self.modules[1]:_run(input) end
    local shape, inner, outer, samples = input.shape, {}, {}, 1
    for d = 1, batch do
      samples = samples * shape[d]
      outer[d] = shape[d]
    end
    inner[1] = samples
    for d = batch + 1, #shape do inner[#inner + 1] = shape[d] end
    local output = self.modules[1]:_run(torch.reshape(input, table.unpack(inner)))
    nn.tables.tensor(self, output, "the module's output")
    if output:dim() ~= self.nOutputDim or output:size(1) ~= samples then
      nn._arguments.fail(self, "an output of %d dimensions for %d samples is wanted of the module, got %s",
        self.nOutputDim, samples, nn._arguments.shape(output))
    end
    for d = 2, output:dim() do outer[#outer + 1] = output:size(d) end
    return torch.reshape(output, table.unpack(outer))
  end
end
