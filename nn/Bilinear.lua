-- Bilinear.lua: y_k = a^T W_k b + bias_k of two inputs.

return function(nn, torch)
  local Bilinear, parent = torch.class("nn.Bilinear", "nn.Module")
  local arguments = nn._arguments

  --- nn.Bilinear(inputSize1, inputSize2, outputSize [, bias])
  --
  -- y_k = a^T W_k b + bias_k for each row a of the first input and b of the second.  Starts uniform in
  -- +-1/sqrt(inputSize1).
  --
  -- inputSize1, inputSize2, outputSize: numbers
  -- bias: false leaves the bias out
  -- Returns: a module with weight, outputSize x inputSize1 x inputSize2, and bias, outputSize.  Its input
  --   is a table of batch x inputSize1 and batch x inputSize2, its output batch x outputSize
  -- Errors: the inputs are not of these shapes
  -- From: Torch7
  -- Example:
  --   module = nn.Bilinear(3, 2, 5)
  --   table.concat(module:forward({ torch.ones(4, 3), torch.ones(4, 2) }).shape, "x") --> 4x5
  function Bilinear:__init(inputSize1, inputSize2, outputSize, bias)
    parent.__init(self)
    local n = arguments.whole(self, "inputSize1", inputSize1, nil, 1)
    local m = arguments.whole(self, "inputSize2", inputSize2, nil, 1)
    local outputs = arguments.whole(self, "outputSize", outputSize, nil, 1)
    self.weight, self.gradWeight = torch.Tensor(outputs, n, m), torch.zeros(outputs, n, m)
    if bias ~= false then
      self.bias, self.gradBias = torch.Tensor(outputs), torch.zeros(outputs)
    end
    self:reset()
  end

  function Bilinear:reset(stdv)
    local n = self.weight:size(2)
    arguments.uniform(self.weight, stdv, n)
    if self.bias then arguments.uniform(self.bias, stdv, n) end
    return self
  end

  -- The two inputs, of sizes that fit the weight and each other.
  local function check(self, input)
    if type(input) ~= "table" or #input ~= 2 then
      arguments.fail(self, "the input is no table of two tensors")
    end
    for i = 1, 2 do
      local x = arguments.tensor(self, input[i], 2, 2)
      if x:size(2) ~= self.weight:size(i + 1) then
        arguments.fail(self, "input %d is of %s, wanted rows of %d", i, arguments.shape(x),
          self.weight:size(i + 1))
      end
    end
    if input[1]:size(1) ~= input[2]:size(1) then
      arguments.fail(self, "the inputs have %d and %d rows, wanted as many", input[1]:size(1),
        input[2]:size(1))
    end
    return input[1], input[2]
  end

  function Bilinear:updateOutput(input)
    local a, b = check(self, input)
    return nn.functional.bilinear(a, b, self.weight, self.bias)
  end

  function Bilinear:__tostring()
    return ("%s(%dx%d -> %d) %s"):format(torch.typename(self), self.weight:size(2), self.weight:size(3),
      self.weight:size(1), self.bias and "" or " without bias")
  end
end
