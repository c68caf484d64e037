-- KeyValueCache.lua: the keys and values of what an attention layer has seen, for generating step by step.

return function(_, torch)
  local KeyValueCache = torch.class("nn.KeyValueCache")

  --- nn.KeyValueCache([batch, maxLength])
  --
  -- Room for the keys and values of one attention layer: pass it with each step of a sequence, and only the
  -- new step is computed.  They are written in place; no gradient flows through them.
  --
  -- batch: number of sequences; whatever comes, when it is left out
  -- maxLength: how many steps there is room for; without it the room doubles when it is full
  -- Returns: an nn.KeyValueCache with length, how many steps it holds
  -- Example:
  --   mha = nn.MultiHeadAttention(4, 2, { batchFirst = true })
  --   cache = nn.KeyValueCache(1, 16)
  --   for step = 1, 3 do y = mha(torch.ones(1, 1, 4), nil, nil, { cache = cache }) end
  --   cache.length --> 3
  function KeyValueCache:__init(batch, maxLength)
    self.batch, self.maxLength, self.length = batch, maxLength, 0
  end

  local function fail(message, ...) error("nn.KeyValueCache: " .. message:format(...), 0) end

  -- A tensor (batch, heads, room, size) that holds what `old` does.
  local function room_for(self, old, t, room)
    local new = t.new(t:size(1), t:size(2), room, t:size(4))
    if old and self.length > 0 then
      new:narrow(3, 1, self.length):copy(old:narrow(3, 1, self.length))
    end
    return new
  end

  local function check(self, k)
    if self.batch and k:size(1) ~= self.batch then
      fail("it is for %d sequences, got %d", self.batch, k:size(1))
    end
    if self.length > 0 then
      local have = self.k
      if have:size(1) ~= k:size(1) or have:size(2) ~= k:size(2) or have:size(4) ~= k:size(4)
          or have:type() ~= k:type() then
        fail("it holds keys of %s of %s, got %s of %s", table.concat(have.shape, "x"), have:type(),
          table.concat(k.shape, "x"), k:type())
      end
    end
  end

  --- nn.KeyValueCache:append(k, v)
  --
  -- Adds the keys and values of the next steps.
  --
  -- k, v: tensors, batch x heads x steps x size
  -- Returns: views of all keys and all values so far
  -- Errors: there is no more room; the shapes are others than before
  -- Example:
  --   cache = nn.KeyValueCache()
  --   cache:append(torch.ones(1, 2, 3, 4), torch.ones(1, 2, 3, 4))
  --   cache:append(torch.ones(1, 2, 1, 4), torch.ones(1, 2, 1, 4)):size(3) --> 4
  function KeyValueCache:append(k, v)
    check(self, k)
    local first, last = self.length + 1, self.length + k:size(3)
    if self.maxLength and last > self.maxLength then
      fail("%d steps, and there is room for %d", last, self.maxLength)
    end
    torch.noGrad(function()
      if not self.k or self.length == 0 and (self.k:type() ~= k:type() or self.k:size(1) ~= k:size(1))
          or self.k:size(3) < last then
        local room = self.maxLength or math.max(32, 2 * last)
        self.k, self.v = room_for(self, self.k, k, room), room_for(self, self.v, v, room)
      end
      self.k:narrow(3, first, k:size(3)):copy(k)
      self.v:narrow(3, first, k:size(3)):copy(v)
    end)
    self.length = last
    return self:views()
  end

  --- nn.KeyValueCache:views(); nn.KeyValueCache:truncate([length])
  --
  -- The keys and values so far; forgets all steps after the first ones, or all.
  --
  -- length: how many steps to keep, 0 by default
  -- Returns: views: two tensors, batch x heads x length x size; truncate: the cache
  -- Errors: it does not hold so many
  -- Example:
  --   cache = nn.KeyValueCache()
  --   cache:append(torch.ones(1, 2, 3, 4), torch.ones(1, 2, 3, 4))
  --   cache:truncate(1):views():size(3) --> 1
  function KeyValueCache:views()
    return self.k:narrow(3, 1, self.length), self.v:narrow(3, 1, self.length)
  end

  function KeyValueCache:truncate(length)
    length = length or 0
    if math.type(length) ~= "integer" or length < 0 or length > self.length then
      fail("truncate to %s steps of %d", tostring(length), self.length)
    end
    self.length = length
    return self
  end
end
