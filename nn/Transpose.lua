-- Transpose.lua: the input with dimensions exchanged.

return function(nn, torch)
  local Transpose, parent = torch.class("nn.Transpose", "nn.Module")
  local arguments = nn._arguments

  --- nn.Transpose(pair, ...)
  --
  -- The input with pairs of dimensions exchanged, one pair after the other.
  --
  -- pair: table of two dimensions
  -- Returns: a module
  -- Errors: the input has no such dimension
  -- From: Torch7
  -- Example:
  --   table.concat(nn.Transpose({ 1, 3 }, { 1, 2 }):forward(torch.ones(2, 3, 4)).shape, "x") --> 3x4x2
  function Transpose:__init(...)
    parent.__init(self)
    self.permutations = { ... }
    for i, pair in ipairs(self.permutations) do
      if type(pair) ~= "table" or not (math.tointeger(pair[1]) and math.tointeger(pair[2])) then
        arguments.fail(self, "argument %d is no table of two dimensions", i)
      end
    end
  end

  --- nn.Transpose:setNumInputDims(n)
  --
  -- Says how many dimensions one sample has; dimensions count from the first of these.
  --
  -- n: number
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   nn.Transpose({ 1, 2 }):setNumInputDims(2).numInputDims --> 2
  function Transpose:setNumInputDims(n)
    self.numInputDims = n and arguments.whole(self, "numInputDims", n, nil, 0)
    return self
  end

  function Transpose:updateOutput(input)
    arguments.tensor(self, input)
    local offset, y = self.numInputDims and input:dim() - self.numInputDims or 0, input
    for _, pair in ipairs(self.permutations) do
      local a = arguments.dimension(self, input, pair[1] + offset)
      y = torch.transpose(y, a, arguments.dimension(self, input, pair[2] + offset))
    end
    return y:contiguous()
  end
end
