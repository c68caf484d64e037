-- SinusoidalPositions.lua: sines and cosines of positions, added.
-- Vaswani et al., "Attention is all you need", 2017.

return function(nn, torch)
  local SinusoidalPositions, parent = torch.class("nn.SinusoidalPositions", "nn.Module")
  local arguments = nn._arguments

  local tables = setmetatable({}, { __mode = "k" }) -- by module; made again from its numbers in any type

  -- What both classes of positions do: the rows for places first to first + l - 1, l being x's steps, in a
  -- shape that broadcasts to x; row(first, l) gives them.
  function nn._addPositions(self, x, first, row)
    arguments.tensor(self, x, 2, 3)
    first = arguments.whole(self, "the first position", first, 1, 1)
    if x:size(-1) ~= self.dim then
      arguments.fail(self, "the input is of %s, wanted rows of %d", arguments.shape(x), self.dim)
    end
    local steps = (x:dim() == 2 or not self.batchFirst) and 1 or 2
    local rows = row(first, x:size(steps))
    return x + (steps == 1 and x:dim() == 3 and torch.unsqueeze(rows, 2) or rows)
  end

  --- nn.SinusoidalPositions(dim [, opts])
  --
  -- Adds to the row at position p sin((p - 1) / 10000^(2i/dim)) in elements 2i + 1, and the cosine in
  -- elements 2i + 2, so that attention can tell positions apart.
  --
  -- dim: size of a row; even
  -- opts: table: batchFirst: true for batch x length x dim; otherwise, as everywhere in attention, length x
  --   batch x dim
  -- Returns: a module; its input and output are length x dim or, with batches, as batchFirst says.
  --   module(x, first) takes the position of the first row, 1 by default
  -- Errors: dim is odd; the rows have another size
  -- From: Vaswani and others, "Attention is all you need", NeurIPS 2017
  -- Example:
  --   nn.SinusoidalPositions(2):forward(torch.zeros(1, 2))[1][2] --> 1.0
  function SinusoidalPositions:__init(dim, opts)
    parent.__init(self)
    local o = arguments.options(self, opts, { batchFirst = false })
    self.dim = arguments.whole(self, "dim", dim, nil, 2)
    if self.dim % 2 ~= 0 then arguments.fail(self, "dim is %d, wanted an even number", self.dim) end
    self.batchFirst = arguments.flag(self, "batchFirst", o.batchFirst)
  end

  local function rows(self, x, first, l)
    local t = tables[self]
    if not t or t:type() ~= x:type() or t:size(1) < first + l - 1 or t:size(2) ~= self.dim then
      local length = 128
      while length < first + l - 1 do length = length * 2 end
      local inverse = torch.pow(10000, torch.range(0, self.dim - 2, 2):double() / -self.dim)
      local angles = torch.ger(torch.range(0, length - 1):double(), inverse)
      local pairs_ = torch.stack({ torch.sin(angles), torch.cos(angles) }, 3)
      t = x.new(length, self.dim):copy(pairs_:reshape(length, self.dim))
      tables[self] = t
    end
    return t:narrow(1, first, l)
  end

  function SinusoidalPositions:updateOutput(x, first)
    return nn._addPositions(self, x, first, function(at, l) return rows(self, x, at, l) end)
  end

  function SinusoidalPositions:__tostring()
    return ("%s(%d)"):format(torch.typename(self), self.dim)
  end
end
