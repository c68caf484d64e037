-- Add.lua: y = x + b with a learned b.

return function(nn, torch)
  local Add, parent = torch.class("nn.Add", "nn.Module")
  local arguments = nn._arguments

  --- nn.Add(inputSize [, scalar])
  --
  -- x + b: b is a vector, the same for every sample of a batch, or one number.  Starts uniform in
  -- +-1/sqrt(inputSize).
  --
  -- inputSize: how many elements a sample has
  -- scalar: true makes b one number
  -- Returns: a module with bias; its output has the input's shape
  -- Errors: the input's elements do not fit
  -- From: Torch7
  -- Example:
  --   module = nn.Add(3)
  --   module.bias:fill(2)
  --   module:forward(torch.zeros(4, 3)):sum() --> 24.0
  function Add:__init(inputSize, scalar)
    parent.__init(self)
    self.scalar = scalar and true or false
    local size = self.scalar and 1 or arguments.whole(self, "inputSize", inputSize, nil, 1)
    self.bias, self.gradBias = torch.Tensor(size), torch.zeros(size)
    self:reset()
  end

  function Add:reset(stdv)
    arguments.uniform(self.bias, stdv, self.bias:size(1))
  end

  function Add:updateOutput(input)
    return input + (self.scalar and self.bias or arguments.fit(self, self.bias, input))
  end
end
