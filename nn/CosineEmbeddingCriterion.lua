-- CosineEmbeddingCriterion.lua: the angle of like pairs of vectors, and of unlike ones.

local expect = require "nn.expect"

return function(_, torch)
  local CosineEmbeddingCriterion, parent = torch.class("nn.CosineEmbeddingCriterion", "nn.Criterion")

  --- nn.CosineEmbeddingCriterion([margin])
  --
  -- With c the cosine of the angle of two vectors: 1 - c where the target is 1, and max(0, c - margin) where
  -- it is -1; the mean over the batch.
  --
  -- margin: number from -1 to 1, 0 by default
  -- Returns: a criterion with margin and sizeAverage, of which false gives the sum; its input is a table of
  --   two tensors, (batch x) n, its target a number or a tensor of as many as the batch
  -- Errors: the target is neither 1 nor -1 somewhere
  -- From: Torch7
  -- Example:
  --   x = { torch.Tensor { 1, 0 }, torch.Tensor { 0, 1 } }
  --   nn.CosineEmbeddingCriterion():forward(x, 1) --> 1.0
  local tiny = 1e-12

  function CosineEmbeddingCriterion:__init(margin)
    parent.__init(self)
    self.margin = expect.number(self, "margin", margin, 0)
    self.gradInput = { torch.Tensor(), torch.Tensor() }
    self.sizeAverage = true
  end

  local function row_sums(x)
    return torch.sum(x, 2):reshape(x.shape[1])
  end

  -- The loss of each row, and the type of the whole.
  function CosineEmbeddingCriterion:_losses(input, target)
    local a, b = expect.pair(self, input, 1, 2)
    local dtype = a.dtype
    a, b = expect.wide(a), expect.wide(b)
    if #a.shape == 1 then a, b = a:reshape(1, a.shape[1]), b:reshape(1, b.shape[1]) end
    local aa = torch.add(row_sums(torch.cmul(a, a)), tiny)
    local bb = torch.add(row_sums(torch.cmul(b, b)), tiny)
    local cosine = torch.cdiv(row_sums(torch.cmul(a, b)), torch.cmul(torch.sqrt(aa), torch.sqrt(bb)))
    local alike = torch.gt(expect.signs(self, cosine, target), 0)
    local apart = torch.relu(torch.csub(cosine, self.margin))
    return torch.where(alike, torch.add(torch.neg(cosine), 1), apart), dtype
  end

  function CosineEmbeddingCriterion:updateOutput(input, target)
    local losses, dtype = self:_losses(input, target)
    return expect.total(losses, self.sizeAverage and losses.shape[1], dtype)
  end
end
