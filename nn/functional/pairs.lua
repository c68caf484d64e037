-- pairs.lua: functions of two inputs, or of the rows of one: products and distances.

local raise = require("torch.caller").raise
local shape_text = require("torch.check").shape_text

return function(nn, torch)
  local functional = nn.functional

  local function tensors(name, ...)
    for i = 1, select("#", ...) do
      local x = select(i, ...)
      if not torch.isTensor(x) then
        raise("nn.functional.%s: input %d is a %s, wanted a tensor", name, i, torch.type(x))
      end
    end
  end

  --- nn.functional.bilinear(a, b, weight [, bias])
  --
  -- a^T W_k b + bias_k for each row of a and b and each k.  Differentiable.
  --
  -- a, b: tensors, rows x n and rows x m
  -- weight: tensor, k x n x m
  -- bias: vector of k, or nil
  -- Returns: a tensor, rows x k
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   nn.functional.bilinear(torch.ones(2, 3), torch.ones(2, 4), torch.ones(1, 3, 4)):sum() --> 24.0
  function functional.bilinear(a, b, weight, bias)
    tensors("bilinear", a, b, weight, bias or weight)
    if #a.shape ~= 2 or #b.shape ~= 2 or #weight.shape ~= 3 or a:size(1) ~= b:size(1)
      or a:size(2) ~= weight:size(2) or b:size(2) ~= weight:size(3) then
      raise("nn.functional.bilinear: inputs of %s and %s for a weight of %s", shape_text(a), shape_text(b),
        shape_text(weight))
    end
    local rows, outputs, n, m = a:size(1), table.unpack(weight.shape)
    local flat = torch.reshape(torch.permute(weight, 2, 1, 3), n, outputs * m)
    local left = torch.reshape(torch.mm(a, flat), rows, outputs, m)
    local y = torch.reshape(torch.bmm(left, torch.reshape(b, rows, m, 1)), rows, outputs)
    return bias and torch.add(y, torch.reshape(bias, 1, outputs)) or y
  end

  -- Of two tensors that broadcast: both in one shape, and the dimension that is meant.
  local function broadcast(name, a, b, dim)
    tensors(name, a, b)
    a, b = torch.broadcastTensors(a, b)
    local n = #a.shape
    local d = math.tointeger(dim) or 0
    if d < 0 then d = d + n + 1 end
    if d < 1 or d > n then
      raise("nn.functional.%s: inputs of %s have no dimension %s", name, shape_text(a), tostring(dim))
    end
    return a, b, d
  end

  --- nn.functional.cosineSimilarity(a, b [, dim [, eps]])
  --
  -- a . b / (max(|a|, eps) max(|b|, eps)) along a dimension.  Differentiable.
  --
  -- a, b: tensors of a float type whose shapes broadcast
  -- dim: 1 to a:dim(), 2 by default; negative counts from the last
  -- eps: number, 1e-8 by default
  -- Returns: a tensor without that dimension
  -- Errors: the shapes do not fit; there is no such dimension
  -- From: PyTorch
  -- Example:
  --   nn.functional.cosineSimilarity(torch.ones(2, 4), -torch.ones(2, 4)):sum() --> -2.0
  function functional.cosineSimilarity(a, b, dim, eps)
    local d
    a, b, d = broadcast("cosineSimilarity", a, b, dim or 2)
    local function length(x) return torch.clamp(torch.norm(x, 2, d, false), eps or 1e-8, nil) end
    return torch.cdiv(torch.sum(torch.cmul(a, b), d, false), torch.cmul(length(a), length(b)))
  end

  --- nn.functional.pairwiseDistance(a, b [, p [, eps [, keepdim]]])
  --
  -- The p-norm of a - b + eps along the last dimension.  Differentiable.
  --
  -- a, b: tensors of a float type whose shapes broadcast
  -- p: number, 2 by default
  -- eps: number, 1e-6 by default
  -- keepdim: true keeps the dimension as a size of 1
  -- Returns: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   nn.functional.pairwiseDistance(torch.zeros(1, 2), torch.Tensor { { 3, 4 } }, 2, 0)[1] --> 5.0
  function functional.pairwiseDistance(a, b, p, eps, keepdim)
    local d
    a, b, d = broadcast("pairwiseDistance", a, b, -1)
    return torch.norm(a - b + (eps or 1e-6), p or 2, d, keepdim or false)
  end

  --- nn.functional.pdist(x [, p])
  --
  -- The distance of each row of x to each row after it: rows 1 and 2, 1 and 3, ...  Differentiable.
  --
  -- x: matrix of a float type
  -- p: number, 2 by default
  -- Returns: a vector of n (n - 1) / 2
  -- Errors: x is no matrix
  -- From: PyTorch
  -- Example:
  --   nn.functional.pdist(torch.Tensor { { 0 }, { 3 }, { 7 } }):sum() --> 14.0
  function functional.pdist(x, p)
    tensors("pdist", x)
    if #x.shape ~= 2 then raise("nn.functional.pdist: the input is of %s, wanted a matrix", shape_text(x)) end
    local first, second = {}, {}
    for i = 1, x:size(1) do
      for j = i + 1, x:size(1) do first[#first + 1], second[#second + 1] = i, j end
    end
    if #first == 0 then return x:detach().new(0) end
    local function rows(places) return torch.index(x, 1, torch.LongTensor(places):to(x.device)) end
    return torch.norm(rows(first) - rows(second), p or 2, 2, false)
  end
end
