-- LookupTable.lua: rows of a matrix by their numbers, as Torch7 has it.

return function(nn, torch)
  local LookupTable, parent = torch.class("nn.LookupTable", "nn.Module")
  local arguments = nn._arguments

  --- nn.LookupTable(nIndex, nOutput [, paddingValue [, maxNorm [, normType]]])
  -- nn.LookupTable:setPadding(paddingValue); nn.LookupTable:setMaxNorm(maxNorm)
  -- nn.LookupTable:setNormType(normType)
  -- nn.LookupTable:scaleGradByFreq(); nn.LookupTable:accUpdateOnly()
  --
  -- Rows of module.weight by their numbers.  scaleGradByFreq divides the gradient of a row by how often it
  -- was taken; accUpdateOnly drops gradWeight, so that accUpdateGradParameters and backwardUpdate are the
  -- way to train.
  --
  -- nIndex: how many rows
  -- nOutput: how many columns
  -- paddingValue: a row that is never changed; 0 for none, which is the default
  -- maxNorm: number: rows that are taken and have a larger norm are scaled down to it first
  -- normType: which norm, 2 by default
  -- Returns: a module; its input is a tensor of numbers from 1 to nIndex, its output has one dimension
  --   more, of nOutput
  -- Errors: a number is outside 1 to nIndex
  -- From: Torch7
  -- Example:
  --   nn.LookupTable(10, 4):forward(torch.LongTensor { { 1, 10, 3 } }):size(3) --> 4
  function LookupTable:__init(nIndex, nOutput, paddingValue, maxNorm, normType)
    parent.__init(self)
    nIndex = arguments.whole(self, "nIndex", nIndex, nil, 1)
    nOutput = arguments.whole(self, "nOutput", nOutput, nil, 1)
    self.weight = torch.Tensor(nIndex, nOutput)
    self.gradWeight = torch.zeros(nIndex, nOutput)
    self.paddingValue = paddingValue or 0
    self.maxNorm = maxNorm or nil
    self.normType = normType or nil
    self.shouldScaleGradByFreq = false
    self:reset()
  end

  function LookupTable:reset(stdv)
    self.weight:normal(0, stdv or 1)
  end

  function LookupTable:setPadding(paddingValue)
    self.paddingValue = paddingValue
    return self
  end

  function LookupTable:setMaxNorm(maxNorm)
    self.maxNorm = maxNorm
    return self
  end

  function LookupTable:setNormType(normType)
    self.normType = normType
    return self
  end

  function LookupTable:scaleGradByFreq()
    self.shouldScaleGradByFreq = true
    return self
  end

  function LookupTable:accUpdateOnly()
    self.gradWeight = nil
    return self
  end

  function LookupTable:updateOutput(input)
    if not self.gradWeight and not self._frozen and not self._functional then self.weight:requireGrad() end
    return nn.functional.embedding(input, self.weight, {
      paddingIdx = self.paddingValue ~= 0 and self.paddingValue or nil, maxNorm = self.maxNorm,
      normType = self.normType, scaleGradByFreq = self.shouldScaleGradByFreq,
    })
  end

  -- After accUpdateOnly the gradient lives for the update only.
  function LookupTable:accUpdateGradParameters(input, gradOutput, lr)
    local missing = not self.gradWeight
    if missing then
      self.gradWeight = torch.zerosLike(self.weight:detach())
      self:_link()
    end
    parent.accUpdateGradParameters(self, input, gradOutput, lr)
    if missing then self.gradWeight, self.weight.grad = nil, nil end
  end
end
