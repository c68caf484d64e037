-- IndexLinear.lua: a linear layer of inputs that are given as keys and values.

return function(nn, torch)
  local IndexLinear, parent = torch.class("nn.IndexLinear", "nn.Module")
  local arguments, embedding = nn._arguments, nn._embedding

  --- nn.IndexLinear(inputSize, outputSize [, doGradInput, keysOffset, weight, bias, normalize])
  --
  -- y = W x + b of inputs of which the elements that are not zero are given, as keys and values.  With
  -- normalize a value is divided by the largest size that was seen of its key while training, cut to 1 in
  -- size, and a learned number of the key is added; four columns of the weight in front of the others hold
  -- that largest size, its inverse, a factor that is 1, and the number.  Where weightDecay is not 0,
  -- updateParameters takes that part off the rows of the keys that were used.
  --
  -- inputSize, outputSize: numbers; those of weight where there is one
  -- doGradInput: true has backward give the gradient by all keys; without it the input gets none
  -- keysOffset: what is added to a key for its row of the weight; 0 by default
  -- weight, bias: tensors to use, inputSize x outputSize (+ 4) and outputSize
  -- normalize: true or false
  -- Returns: a module; its input is {keys, values} of one example, {{keys, ..}, {values, ..}} of a batch, or
  --   {keys, values, sizes} of a batch in one row; its output (batch x) outputSize
  -- Errors: a key is outside the weight; keys and values differ in number
  -- From: Torch7
  -- Example:
  --   module = nn.IndexLinear(1000, 2)
  --   module:forward({ torch.LongTensor { 1, 200 }, torch.Tensor { 1, 0.1 } }):size(1) --> 2
  function IndexLinear:__init(inputSize, outputSize, doGradInput, keysOffset, weight, bias, normalize)
    parent.__init(self)
    self.normalize = normalize and 4 or 0
    if not weight then
      inputSize = arguments.whole(self, "inputSize", inputSize, nil, 1)
      outputSize = arguments.whole(self, "outputSize", outputSize, nil, 1)
    end
    self.weight = weight or torch.zeros(inputSize, outputSize + self.normalize)
    self.inputSize, self.outputSize = self.weight:size(1), self.weight:size(2) - self.normalize
    self.bias = bias or torch.zeros(self.outputSize)
    self.gradWeight = torch.zerosLike(self.weight)
    self.gradBias = torch.zerosLike(self.bias)
    self.weightDecay = 0
    self.train = true
    self.doGradInput = arguments.flag(self, "doGradInput", doGradInput)
    self.offset = keysOffset and keysOffset - 1 or -1
  end

  function IndexLinear:reset(stdv)
    arguments.uniform(self.weight, stdv, self.weight:size(2))
    arguments.uniform(self.bias, stdv, self.weight:size(2))
    self.bias:mul(1e-6)
    if self.normalize > 0 then self.weight:narrow(2, 1, self.normalize):zero() end
  end

  local function together(self, keys, values)
    if #keys ~= #values or #keys == 0 then
      arguments.fail(self, "there are %d keys for %d values, wanted as many, one at least", #keys, #values)
    end
    local bags = {}
    for i, k in ipairs(keys) do
      if k:dim() ~= 1 or k:nElement() ~= values[i]:nElement() then
        arguments.fail(self, "example %d has keys of %s for values of %s, wanted vectors of one size", i,
          arguments.shape(k), arguments.shape(values[i]))
      end
      bags[i] = torch.zeros(k:nElement()):long():fill(i)
    end
    return torch.cat(keys, 1), torch.cat(values, 1), torch.cat(bags, 1), #keys
  end

  -- All keys, values and bags, and how many bags.
  local function flatten(self, input)
    local keys, values, sizes = table.unpack(type(input) == "table" and input or {}, 1, 3)
    if sizes then
      if not torch.isTensor(sizes) then sizes = torch.LongTensor { sizes } end
      local n = sizes:nElement()
      local ends = sizes:long():cumsum(1)
      if keys:dim() ~= 1 or keys:nElement() ~= values:nElement() or n == 0 or ends[n] ~= keys:nElement() then
        arguments.fail(self, "there are keys of %s, values of %s and sizes that add up to %d",
          arguments.shape(keys), arguments.shape(values), n > 0 and ends[n] or 0)
      end
      return keys, values, embedding.bags(torch.typename(self), ends - sizes:long() + 1, keys:nElement()), n
    elseif torch.isTensor(keys) and torch.isTensor(values) then
      return together(self, { keys }, { values })
    elseif type(keys) == "table" and type(values) == "table" then
      return together(self, keys, values)
    end
    arguments.fail(self, "the input is no table of keys and values")
  end

  -- Values in proportion to the largest of their keys, which training raises first.
  local function normalized(self, places, values)
    local plain, size = self.weight:detach(), torch.abs(values:detach())
    torch.noGrad(function()
      if not self.train or places:nElement() == 0 then return end
      local ascending, order = size:sort(1)
      -- Stable: the largest of a key is its last.
      local keys, from = torch.sort(torch.index(places, 1, order), 1, false, true)
      ascending = torch.index(ascending, 1, from)
      local n = keys:nElement()
      local last = torch.ones(n):byte()
      if n > 1 then
        last:narrow(1, 1, n - 1):copy(torch.ne(keys:narrow(1, 1, n - 1), keys:narrow(1, 2, n - 1)))
      end
      keys, ascending = keys:maskedSelect(last), ascending:maskedSelect(last)
      local most = torch.cmax(torch.index(plain:select(2, 1), 1, keys), ascending)
      local inverse = torch.cdiv(torch.onesLike(most), most)
      inverse = torch.where(torch.gt(most, 0), inverse, torch.zerosLike(most))
      self.weight:select(2, 1):indexCopy(1, keys, most)
      self.weight:select(2, 2):indexCopy(1, keys, inverse)
      self.weight:select(2, 3):indexFill(1, keys, 1)
    end)
    local inverse = torch.index(plain:select(2, 2), 1, places)
    local inside = torch.le(size, torch.index(plain:select(2, 1), 1, places))
    local scaled = torch.where(inside, torch.cmul(values, inverse), torch.sign(values:detach()))
    return scaled + torch.index(torch.select(self.weight, 2, 4), 1, places)
  end

  function IndexLinear:updateOutput(input)
    local keys, values, bags, n = flatten(self, input)
    local rows_of = keys:detach():long() + (self.offset + 1)
    local places = embedding.places(torch.typename(self), rows_of, self.weight)
    if not self.doGradInput then values = values:detach() end
    local weight = self.weight
    if self.normalize > 0 then
      values = normalized(self, places, values)
      weight = torch.narrow(self.weight, 2, self.normalize + 1, self.outputSize)
    end
    if self.weightDecay ~= 0 then
      self._used = self._used or {}
      table.insert(self._used, places)
    end
    local rows = torch.index(weight, 1, places)
    rows = torch.cmul(rows, values:reshape(values:nElement(), 1):expandAs(rows))
    local output = embedding.sum(rows, bags:to(rows.device), n)
    output = output + self.bias:view(1, -1):expandAs(output)
    return torch.isTensor(input[1]) and not input[3] and output:select(1, 1) or output
  end

  -- The gradients by all keys, in the input's form.
  local function dense(self, input, gradOutput)
    if self.normalize > 0 then arguments.fail(self, "with normalize there is no gradient by all keys") end
    local n = self.inputSize
    local g = gradOutput:reshape(gradOutput:nElement() // self.outputSize, self.outputSize)
    local values = torch.noGrad(torch.mm, g, self.weight:detach():t())
    local keys = torch.range(1, n):long()
    if input[3] then return { keys:view(1, n):expand(values:size(1), n):clone(), values } end
    if torch.isTensor(input[1]) then return { keys, values:view(n) } end
    local result = { {}, {} }
    for i = 1, values:size(1) do result[1][i], result[2][i] = keys:clone(), values[i] end
    return result
  end

  function IndexLinear:backward(input, gradOutput, scale)
    parent.backward(self, input, gradOutput, scale)
    if self.doGradInput then self.gradInput = dense(self, input, gradOutput) end
    return self.gradInput
  end

  function IndexLinear:updateParameters(lr)
    if self._used and self.weightDecay ~= 0 then
      torch.noGrad(function()
        local places = torch.cat(self._used, 1)
        local times = self.bias.new(self.inputSize):zero()
        times:indexAdd(1, places, times.new(places:nElement()):fill(1))
        local left = torch.pow(torch.fullLike(times, 1 - self.weightDecay), times):view(-1, 1)
        local weight = self.weight:detach():narrow(2, self.normalize + 1, self.outputSize)
        weight:cmul(left:expandAs(weight))
      end)
    end
    parent.updateParameters(self, lr)
  end

  function IndexLinear:zeroGradParameters()
    self._used = nil
    parent.zeroGradParameters(self)
  end

  function IndexLinear:__tostring__()
    return ("%s(%d -> %d)"):format(torch.typename(self), self.inputSize, self.outputSize)
  end
end
