-- Embedding.lua: rows of a matrix by their numbers, as PyTorch has it.

return function(nn, torch)
  local Embedding, parent = torch.class("nn.Embedding", "nn.Module")
  local arguments = nn._arguments
  local NONE = arguments.NONE

  local defaults = { paddingIdx = NONE, maxNorm = NONE, normType = 2, scaleGradByFreq = false }

  --- nn.Embedding(numEmbeddings, embeddingDim [, opts])
  --
  -- Rows of module.weight by their numbers.  The gradient is dense, and has the same bits every time.
  --
  -- numEmbeddings: how many rows
  -- embeddingDim: how many columns
  -- opts: table: paddingIdx, a row that starts as zeros and is never changed; maxNorm, to which the rows that
  --   are taken are scaled down, and normType (2); scaleGradByFreq (false), which divides a row's gradient by
  --   how often it is taken
  -- Returns: a module; its input is a tensor of numbers from 1 to numEmbeddings, its output has one dimension
  --   more, of embeddingDim
  -- Errors: a number is outside 1 to numEmbeddings
  -- From: PyTorch, where numbers count from 0
  -- Example:
  --   module = nn.Embedding(10, 3, { paddingIdx = 1 })
  --   module(torch.LongTensor { { 1, 5 } }):size(3), module.weight:detach()[1]:sum() --> 3 0.0
  function Embedding:__init(numEmbeddings, embeddingDim, opts)
    parent.__init(self)
    self.numEmbeddings = arguments.whole(self, "numEmbeddings", numEmbeddings, nil, 1)
    self.embeddingDim = arguments.whole(self, "embeddingDim", embeddingDim, nil, 1)
    for name, value in pairs(arguments.options(self, opts, defaults)) do self[name] = value end
    local padding = self.paddingIdx
    if padding and (math.type(padding) ~= "integer" or padding < 1 or padding > numEmbeddings) then
      arguments.fail(self, "paddingIdx is %s, wanted 1 to %d", tostring(padding), numEmbeddings)
    end
    self.weight = torch.Tensor(numEmbeddings, embeddingDim)
    self.gradWeight = torch.zeros(numEmbeddings, embeddingDim)
    self:reset()
  end

  function Embedding:reset(stdv)
    self.weight:normal(0, stdv or 1)
    if self.paddingIdx then torch.noGrad(function() self.weight[self.paddingIdx]:zero() end) end
  end

  --- nn.Embedding.fromPretrained(weight [, opts])
  -- nn.Embedding:fromPretrained(weight [, opts])
  --
  -- An nn.Embedding with a matrix that is there.
  --
  -- weight: matrix, which the module holds
  -- opts: table: freeze (true), which keeps the matrix as it is (module:unfreeze() ends that), and the
  --   options of nn.Embedding
  -- Returns: an nn.Embedding
  -- From: PyTorch
  -- Example:
  --   module = nn.Embedding.fromPretrained(torch.eye(3))
  --   module(torch.LongTensor { 2 })[1][2] --> 1.0
  function Embedding.fromPretrained(weight, opts, more)
    if rawequal(weight, nn.Embedding) then weight, opts = opts, more end
    local rest, freeze = {}, true
    for name, value in pairs(opts or {}) do
      if name == "freeze" then freeze = value else rest[name] = value end
    end
    if not torch.isTensor(weight) or weight:dim() ~= 2 then
      error(("nn.Embedding.fromPretrained: got a %s, wanted a matrix"):format(torch.type(weight)), 2)
    end
    local module = nn.Embedding(weight:size(1), weight:size(2), rest)
    module.weight = weight:detach()
    module.gradWeight = torch.zerosLike(module.weight)
    module._type = weight:type()
    return freeze and module:freeze() or module
  end

  function Embedding:updateOutput(input)
    return nn.functional.embedding(input, self.weight, self)
  end

  function Embedding:__tostring__()
    return ("%s(%d, %d)"):format(torch.typename(self), self.numEmbeddings, self.embeddingDim)
  end
end
