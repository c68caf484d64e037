-- CosineSimilarity.lua: the cosine of the angle of two tensors along a dimension.

return function(nn, torch)
  local CosineSimilarity, parent = torch.class("nn.CosineSimilarity", "nn.Module")
  local arguments = nn._arguments

  --- nn.CosineSimilarity([dim [, eps]])
  --
  -- a . b / (max(|a|, eps) max(|b|, eps)) along a dimension.
  --
  -- dim: 1 to a:dim(), 2 by default; negative counts from the last; both also in a table
  -- eps: number, 1e-8 by default
  -- Returns: a module of two inputs, tensors whose shapes broadcast, also as one table; its output lacks the
  --   dimension
  -- Errors: the shapes do not fit; there is no such dimension
  -- From: PyTorch
  -- Example:
  --   nn.CosineSimilarity()(torch.ones(2, 4), -torch.ones(2, 4)):sum() --> -2.0
  function CosineSimilarity:__init(...)
    parent.__init(self)
    local o = arguments.short(self, { "dim", "eps" }, { dim = 2, eps = 1e-8 }, ...)
    self.dim = arguments.whole(self, "dim", o.dim)
    self.eps = arguments.number(self, "eps", o.eps)
  end

  function CosineSimilarity:updateOutput(input, ...)
    local a, b = arguments.inputs(input, ...)
    return nn.functional.cosineSimilarity(a, b, self.dim, self.eps)
  end

  function CosineSimilarity:__tostring()
    return arguments.text(self, torch.typename(self), { "dim", "eps" })
  end
end
