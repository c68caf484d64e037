-- EmbeddingBag.lua: sums, means and maxima of rows of a matrix.

return function(nn, torch)
  local EmbeddingBag, parent = torch.class("nn.EmbeddingBag", "nn.Module")
  local arguments = nn._arguments
  local NONE = arguments.NONE

  local defaults = { paddingIdx = NONE, maxNorm = NONE, normType = 2, scaleGradByFreq = false, mode = "mean",
    includeLastOffset = false }

  --- nn.EmbeddingBag(numEmbeddings, embeddingDim [, opts])
  --
  -- The sum, mean or maximum of rows of module.weight, for bags of their numbers.  Its inputs are a matrix
  -- with a bag in each row; or a vector and the places where the bags start, from 1.  A third are factors
  -- for the elements, of mode "sum" (the second may be nil).
  --
  -- numEmbeddings: how many rows
  -- embeddingDim: how many columns
  -- opts: table: mode ("mean"), or "sum", "max"; includeLastOffset (false), which says that the last place is
  --   where the last bag ends; paddingIdx, a row that does not count; maxNorm, normType (2) and
  --   scaleGradByFreq (false) as for nn.Embedding
  -- Returns: a module; its output has a row of embeddingDim for each bag, zeros for an empty one
  -- Errors: a number is outside 1 to numEmbeddings; the places do not ascend from 1
  -- From: PyTorch, where numbers and places count from 0
  -- Example:
  --   module = nn.EmbeddingBag(10, 3, { mode = "sum" })
  --   module(torch.LongTensor { 1, 2, 4 }, torch.LongTensor { 1, 3 }):size(1) --> 2
  function EmbeddingBag:__init(numEmbeddings, embeddingDim, opts)
    parent.__init(self)
    self.numEmbeddings = arguments.whole(self, "numEmbeddings", numEmbeddings, nil, 1)
    self.embeddingDim = arguments.whole(self, "embeddingDim", embeddingDim, nil, 1)
    for name, value in pairs(arguments.options(self, opts, defaults)) do self[name] = value end
    if self.mode ~= "sum" and self.mode ~= "mean" and self.mode ~= "max" then
      arguments.fail(self, "mode is %s, wanted sum, mean or max", tostring(self.mode))
    end
    self.weight = torch.Tensor(numEmbeddings, embeddingDim)
    self.gradWeight = torch.zeros(numEmbeddings, embeddingDim)
    self:reset()
  end

  function EmbeddingBag:reset(stdv)
    nn.Embedding.reset(self, stdv)
  end

  function EmbeddingBag:updateOutput(input, offsets, factors)
    if type(input) == "table" and not torch.isTensor(input) then
      input, offsets, factors = table.unpack(input, 1, 3)
    end
    return nn.functional.embeddingBag(input, self.weight, {
      offsets = offsets, perSampleWeights = factors, mode = self.mode, paddingIdx = self.paddingIdx,
      maxNorm = self.maxNorm, normType = self.normType, scaleGradByFreq = self.scaleGradByFreq,
      includeLastOffset = self.includeLastOffset,
    })
  end

  function EmbeddingBag:__tostring__()
    return ("%s(%d, %d, mode=%s)"):format(torch.typename(self), self.numEmbeddings, self.embeddingDim,
      self.mode)
  end
end
