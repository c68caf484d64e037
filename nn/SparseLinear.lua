-- SparseLinear.lua: a linear layer of inputs that are mostly zero.

return function(nn, torch)
  local SparseLinear, parent = torch.class("nn.SparseLinear", "nn.Module")
  local arguments, embedding = nn._arguments, nn._embedding

  --- nn.SparseLinear(inputSize, outputSize [, doGradInput])
  --
  -- y = W x + b of an input of which the elements that are not zero are given, each as a column and a value.
  --
  -- inputSize, outputSize: numbers
  -- doGradInput: true has backward give the gradient by all columns; without it the input gets none
  -- Returns: a module; its input is n x 2 for one example, a table of these for a batch, or batch x n x 2;
  --   its output (batch x) outputSize; gradInput by backward is a table of inputSize x 2, columns and
  --   gradients
  -- Errors: a column is outside 1 to inputSize
  -- From: Torch7
  -- Example:
  --   module = nn.SparseLinear(1000, 2)
  --   module:forward(torch.Tensor { { 1, 0.1 }, { 31, 0.2 } }):size(1) --> 2
  function SparseLinear:__init(inputSize, outputSize, doGradInput)
    parent.__init(self)
    inputSize = arguments.whole(self, "inputSize", inputSize, nil, 1)
    outputSize = arguments.whole(self, "outputSize", outputSize, nil, 1)
    self.doGradInput = arguments.flag(self, "doGradInput", doGradInput)
    self.weightDecay = 0
    self.weight = torch.Tensor(outputSize, inputSize)
    self.bias = torch.Tensor(outputSize)
    self.gradWeight = torch.zeros(outputSize, inputSize)
    self.gradBias = torch.zeros(outputSize)
    self:reset()
  end

  function SparseLinear:reset(stdv)
    arguments.uniform(self.weight, stdv, self.weight:size(2))
    arguments.uniform(self.bias, stdv, self.weight:size(2))
    self.bias:mul(1e-6)
  end

  -- The weight, whose gradient is larger by weightDecay times it.
  local decayed = torch.Function {
    name = "nn.SparseLinear",
    forward = function(ctx, weight, decay)
      ctx.decay = decay
      ctx:saveForBackward(weight)
      return weight
    end,
    backward = function(ctx, g) return g + ctx:savedTensors() * ctx.decay end,
  }

  -- Columns, values and bags of all examples.
  local function flatten(self, examples)
    local all, bags = {}, {}
    for i, x in ipairs(examples) do
      arguments.tensor(self, x, 2, 2)
      if x:size(2) ~= 2 then arguments.fail(self, "the input is of %s, wanted n x 2", arguments.shape(x)) end
      all[i] = x
      bags[i] = torch.zeros(x:size(1)):long():fill(i)
    end
    local joined = torch.cat(all, 1)
    return joined:select(2, 1), joined:select(2, 2), torch.cat(bags, 1):to(joined.device)
  end

  local function examples_of(self, input)
    if type(input) == "table" and not torch.isTensor(input) then return input end
    arguments.tensor(self, input, 2, 3)
    if input:dim() == 2 then return { input } end
    local list = {}
    for i = 1, input:size(1) do list[i] = input[i] end
    return list
  end

  function SparseLinear:updateOutput(input)
    local examples = examples_of(self, input)
    if #examples == 0 then return self.bias:clone() end
    local columns, values, bags = flatten(self, examples)
    local places = embedding.places(torch.typename(self), columns, self.weight:t())
    if not self.doGradInput then values = values:detach() end
    local weight = self.weight
    if self.weightDecay and self.weightDecay ~= 0 then weight = decayed(weight, self.weightDecay) end
    local rows = torch.index(weight, 2, places):t()
    rows = torch.cmul(rows, values:reshape(values:nElement(), 1):expandAs(rows))
    local output = embedding.sum(rows, bags, #examples)
    output = output + self.bias:view(1, -1):expandAs(output)
    return torch.isTensor(input) and input:dim() == 2 and output:select(1, 1) or output
  end

  function SparseLinear:backward(input, gradOutput, scale)
    parent.backward(self, input, gradOutput, scale)
    if not self.doGradInput then return self.gradInput end
    local columns = self.weight:size(2)
    local g = gradOutput:reshape(gradOutput:nElement() // self.weight:size(1), self.weight:size(1))
    local dense = torch.noGrad(torch.mm, g, self.weight:detach())
    local result = {}
    for i = 1, dense:size(1) do
      result[i] = dense.new(columns, 2)
      result[i]:select(2, 1):range(1, columns)
      result[i]:select(2, 2):copy(dense[i])
    end
    self.gradInput = result
    if torch.isTensor(input) and input:dim() == 3 then
      self.gradInput = torch.cat(result, 1):view(#result, columns, 2)
    end
    return self.gradInput
  end

  function SparseLinear:__tostring__()
    return ("%s(%d -> %d)"):format(torch.typename(self), self.weight:size(2), self.weight:size(1))
  end
end
