-- OneHot.lua: vectors with a one at the place of each class.

return function(nn, torch)
  local OneHot, parent = torch.class("nn.OneHot", "nn.Module")
  local arguments = nn._arguments

  --- nn.OneHot(outputSize)
  --
  -- A vector for each class number: 1 at its place, 0 elsewhere.
  --
  -- outputSize: number of classes
  -- Returns: a module; its input is a tensor of class numbers from 1, of any shape, or one number, its output
  --   has one dimension more, of outputSize
  -- Errors: a class is outside 1 to outputSize
  -- From: Torch7
  -- Example:
  --   nn.OneHot(3):forward(torch.LongTensor { 2, 1 })[1][2] --> 1.0
  function OneHot:__init(outputSize)
    parent.__init(self)
    self.outputSize = arguments.whole(self, "outputSize", outputSize, nil, 1)
  end

  function OneHot:updateOutput(input)
    local single = math.type(input)
    if single then input = torch.LongTensor { input } end
    arguments.tensor(self, input)
    local places = input:detach():long()
    local n = places:nElement()
    if n > 0 and (places:min() < 1 or places:max() > self.outputSize) then
      arguments.fail(self, "the input has classes from %d to %d, wanted 1 to %d", places:min(), places:max(),
        self.outputSize)
    end
    local shape = single and {} or { table.unpack(input.shape) }
    shape[#shape + 1] = self.outputSize
    local zeros = torch.zeros(n, self.outputSize):type(self._type)
    if not self._type:find "Cuda" then zeros = zeros:to(input.device) end
    return torch.scatter(zeros, 2, places:reshape(n, 1):to(zeros.device), 1):reshape(shape)
  end

  -- Zeros, of the module's type: class numbers have no gradient.
  function OneHot:backward(input)
    self.gradInput = torch.isTensor(input) and torch.zerosLike(input:detach()):type(self._type) or 0
    return self.gradInput
  end
end
