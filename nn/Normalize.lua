-- Normalize.lua: rows divided by their p-norm.

return function(nn, torch)
  local Normalize, parent = torch.class("nn.Normalize", "nn.Module")
  local arguments = nn._arguments

  --- nn.Normalize(p [, eps])
  --
  -- A vector, or each row of a matrix, divided by its p-norm (sum |x|^p + eps)^(1/p).
  --
  -- p: number above 0; math.huge divides by the largest |x| + eps
  -- eps: number, 1e-10 by default
  -- Returns: a module; its input and output are a vector or a matrix
  -- Errors: p is not above 0, or the input has more dimensions
  -- From: Torch7
  -- Example:
  --   nn.Normalize(1):forward(torch.Tensor { 1, 3 })[1] --> 0.25
  function Normalize:__init(p, eps)
    parent.__init(self)
    self.p = arguments.number(self, "p", p)
    if self.p <= 0 then arguments.fail(self, "p is %g, wanted a number above 0", self.p) end
    self.eps = arguments.number(self, "eps", eps, 1e-10)
  end

  -- The norms of the rows.
  local function norms(rows, p, eps)
    if p == math.huge then return torch.max(torch.abs(rows), 2, true) + eps end
    local powers = p == 2 and torch.square(rows) or torch.pow(torch.abs(rows), p)
    return torch.pow(torch.sum(powers, 2, true) + eps, 1 / p)
  end

  function Normalize:updateOutput(input)
    arguments.tensor(self, input, 1, 2)
    local rows = input:dim() == 1 and torch.reshape(input, 1, input:size(1)) or input
    return torch.reshape(torch.cdiv(rows, norms(rows, self.p, self.eps)), input.shape)
  end

  function Normalize:__tostring()
    return ("%s(%s)"):format(torch.typename(self), self.p % 1 == 0 and ("%.0f"):format(self.p)
      or ("%f"):format(self.p))
  end
end
