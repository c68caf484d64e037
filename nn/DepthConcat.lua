-- DepthConcat.lua: nn.Concat of outputs of several sizes.

return function(nn, torch)
  local DepthConcat = torch.class("nn.DepthConcat", "nn.Concat")

  -- t between zeros, so that it has the sizes given in all dimensions but one.
  local function padded(t, sizes, dim)
    local pads, any = {}, false
    for d = t:dim(), 1, -1 do
      local lacks = d == dim and 0 or sizes[d] - t:size(d)
      pads[#pads + 1], pads[#pads + 2] = lacks // 2, lacks - lacks // 2
      any = any or lacks > 0
    end
    return any and torch.pad(t, pads) or t
  end

  --- nn.DepthConcat(dimension)
  --
  -- As nn.Concat, but the outputs may differ in other dimensions too: the smaller ones get zeros around
  -- them, until they are as large as the largest.  Made for convolutions with kernels of several sizes.
  --
  -- dimension: number; negative counts from the last
  -- Returns: an empty container
  -- Errors: it is empty; the outputs' numbers of dimensions differ
  -- From: Torch7; Szegedy and others 2014, Going deeper with convolutions
  -- Example:
  --   net = nn.DepthConcat(1):add(nn.SpatialConvolution(1, 2, 1, 1)):add(nn.SpatialConvolution(1, 3, 3, 3))
  --   table.concat(net:forward(torch.ones(1, 5, 5)).shape, "x") --> 5x5x5
  function DepthConcat:updateOutput(input)
    local outputs, sizes = nn.tables.tensors(self, self:_outputs(input), 1), {}
    local dim = nn.tables.dimension(self, self.dimension, outputs[1])
    for _, t in ipairs(outputs) do
      if t:dim() ~= outputs[1]:dim() then
        nn._arguments.fail(self, "outputs with equally many dimensions are wanted, got %s and %s",
          nn._arguments.shape(outputs[1]), nn._arguments.shape(t))
      end
      for d = 1, t:dim() do sizes[d] = math.max(sizes[d] or 0, t:size(d)) end
    end
    for i, t in ipairs(outputs) do outputs[i] = padded(t, sizes, dim) end
    local output = nn.tables.join(self, outputs, dim)
    self.outputSize = output:size()
    return output
  end
end
