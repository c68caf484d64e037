-- RotaryEmbedding.lua: positions as angles.
-- Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021.

return function(nn, torch)
  local RotaryEmbedding, parent = torch.class("nn.RotaryEmbedding", "nn.Module")
  local arguments = nn._arguments

  -- Cosines and sines, by module: not in it, as they are made again from its numbers in any type.
  local tables = setmetatable({}, { __mode = "k" })

  --- nn.RotaryEmbedding(dim [, opts])
  --
  -- Turns pairs of elements of each row by angles that grow with its position, as nn.functional.rotary does,
  -- with cosines and sines that are kept from call to call.
  --
  -- dim: how many elements of a row are turned; even
  -- opts: table: base: 10000 by default; interleaved: true pairs neighbours, otherwise element i goes with
  --   i + dim/2; maxLength: how many positions to make ready, 128 by default; it grows as needed
  -- Returns: a module; its input and output are .. x L x E.  module(x, first) takes the position of the first
  --   row, 1 by default
  -- Errors: dim is odd, or larger than E
  -- From: Su and others, "RoFormer: enhanced transformer with rotary position embedding", 2021
  -- Example:
  --   x = torch.ones(3, 4)
  --   torch.equal(nn.RotaryEmbedding(4):forward(x)[1], x[1]) --> true
  function RotaryEmbedding:__init(dim, opts)
    parent.__init(self)
    local o = arguments.options(self, opts, { base = 10000, interleaved = false, maxLength = 128 })
    self.dim = arguments.whole(self, "dim", dim, nil, 2)
    if self.dim % 2 ~= 0 then arguments.fail(self, "dim is %d, wanted an even number", self.dim) end
    self.base = arguments.number(self, "base", o.base)
    self.interleaved = arguments.flag(self, "interleaved", o.interleaved)
    self.maxLength = arguments.whole(self, "maxLength", o.maxLength, nil, 1)
  end

  function RotaryEmbedding:_tables(x, last)
    local t = tables[self]
    local fits = t and t.type == x:type() and t.length >= last and t.dim == self.dim and t.base == self.base
    if not fits then
      local length = self.maxLength
      while length < last do length = length * 2 end
      t = { type = x:type(), length = length, dim = self.dim, base = self.base }
      t.cos, t.sin = nn.functional._rotaryTables(x, torch.range(1, length), self.dim, self.base)
      tables[self] = t
    end
    return t.cos, t.sin
  end

  function RotaryEmbedding:updateOutput(x, first)
    arguments.tensor(self, x, 2)
    first = arguments.whole(self, "the first position", first, 1, 1)
    local l = x:size(-2)
    if self.dim > x:size(-1) then
      arguments.fail(self, "the input is of %s, wanted rows of %d or more", arguments.shape(x), self.dim)
    end
    if l == 0 then return torch.clone(x) end
    local cos, sin = self:_tables(x, first + l - 1)
    return nn.functional._rotary(x, cos:narrow(1, first, l), sin:narrow(1, first, l), self.interleaved)
  end

  function RotaryEmbedding:__tostring()
    return ("%s(%d)"):format(torch.typename(self), self.dim)
  end
end
