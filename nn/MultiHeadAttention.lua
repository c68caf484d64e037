-- MultiHeadAttention.lua: attention in several heads, with the projections around it.
-- Vaswani et al., "Attention is all you need", 2017.

return function(nn, torch)
  local MultiHeadAttention, parent = torch.class("nn.MultiHeadAttention", "nn.Module")
  local arguments, functional = nn._arguments, nn.functional
  local fail = arguments.fail

  --- nn.MultiHeadAttention(embedDim, numHeads [, opts])
  -- nn.MultiheadAttention(embedDim, numHeads [, opts])
  --
  -- Projects queries, keys and values, has each head attend with its part of them, and projects the
  -- results together.
  --
  -- y, weights = mha(q, k, v, opts), or mha(x) and mha(x, nil, nil, opts) for q = k = v = x.  Without
  -- batchFirst, which as in PyTorch is not the default, a batch of sequences is length x batch x
  -- embedDim; with it batch x length x embedDim; one sequence is length x embedDim.  opts of a call:
  -- keyPaddingMask, batch x keys, bools that are true for keys to ignore, or numbers to add; attnMask,
  -- queries x keys or (batch numHeads) x queries x keys, bools that are true where a query must not
  -- see a key (as PyTorch's module has it, other than its function), or numbers to add; causal: query i
  -- sees the first i keys; needWeights: false leaves the weights out, which is faster; averageWeights:
  -- false gives those of each head; cache: an nn.KeyValueCache, which gets the new keys and values, and
  -- queries see all in it; fixed: with a cache, true takes the keys from it once they are there;
  -- first: for rotary, the position of the first row, that after the cache's last by default.
  --
  -- embedDim: size of the queries and of the result
  -- numHeads: number of heads, which divides embedDim
  -- opts: table: dropout: the probability with which a weight becomes 0 in training, 0 by default; bias:
  --   false leaves the biases out; kdim, vdim: sizes of keys and values, embedDim by default; batchFirst:
  --   false by default; kvHeads: number of heads of keys and values, numHeads by default; rotary: an
  --   nn.RotaryEmbedding for queries and keys
  -- Returns: a module with in_proj_weight, the rows for q, k and v below each other, or q_proj_weight,
  --   k_proj_weight and v_proj_weight when kdim or vdim is another size; in_proj_bias; and out_proj, an
  --   nn.Linear.  Its results are the output, like q, and the weights, batch x queries x keys
  -- Errors: numHeads does not divide embedDim, or kvHeads not numHeads; the shapes do not fit
  -- From: Vaswani and others, "Attention is all you need", NeurIPS 2017, as in PyTorch; kvHeads: Ainslie and
  --   others, "GQA", EMNLP 2023
  -- Example:
  --   mha = nn.MultiHeadAttention(8, 2, { batchFirst = true })
  --   y, w = mha(torch.rand(3, 5, 8), nil, nil, { causal = true })
  --   y:size(2), w:size(3), w:detach()[1][1][1] --> 5 5 1.0
  function MultiHeadAttention:__init(embedDim, numHeads, opts)
    parent.__init(self)
    local o = arguments.options(self, opts, { dropout = 0, bias = true, kdim = embedDim, vdim = embedDim,
      batchFirst = false, kvHeads = numHeads, rotary = arguments.NONE })
    self.embedDim = arguments.whole(self, "embedDim", embedDim, nil, 1)
    self.numHeads = arguments.whole(self, "numHeads", numHeads, nil, 1)
    self.kvHeads = arguments.whole(self, "kvHeads", o.kvHeads, nil, 1)
    self.kdim = arguments.whole(self, "kdim", o.kdim, nil, 1)
    self.vdim = arguments.whole(self, "vdim", o.vdim, nil, 1)
    self.dropout = arguments.number(self, "dropout", o.dropout)
    self.batchFirst = arguments.flag(self, "batchFirst", o.batchFirst)
    self.train = true
    if self.embedDim % self.numHeads ~= 0 then
      fail(self, "%d heads do not divide embedDim %d", self.numHeads, self.embedDim)
    end
    if self.numHeads % self.kvHeads ~= 0 then
      fail(self, "kvHeads %d does not divide %d heads", self.kvHeads, self.numHeads)
    end
    if not (self.dropout >= 0 and self.dropout < 1) then
      fail(self, "dropout is %g, wanted 0 <= p < 1", self.dropout)
    end
    self.headDim = self.embedDim // self.numHeads
    self.kvDim = self.headDim * self.kvHeads
    self:_register(arguments.flag(self, "bias", o.bias))
    self.out_proj = nn.Linear(self.embedDim, self.embedDim, o.bias)
    if o.rotary ~= nil then
      if not torch.isTypeOf(o.rotary, "nn.Module") then
        fail(self, "rotary is a %s, wanted a module", torch.type(o.rotary))
      end
      self.rotary = o.rotary
    end
    self:reset()
  end

  function MultiHeadAttention:_register(bias)
    local e, kv = self.embedDim, self.kvDim
    if self.kdim == e and self.vdim == e then
      self:registerParameter("in_proj_weight", torch.Tensor(e + 2 * kv, e))
    else
      self:registerParameter("q_proj_weight", torch.Tensor(e, e))
      self:registerParameter("k_proj_weight", torch.Tensor(kv, self.kdim))
      self:registerParameter("v_proj_weight", torch.Tensor(kv, self.vdim))
    end
    if bias then self:registerParameter("in_proj_bias", torch.Tensor(e + 2 * kv)) end
  end

  -- Glorot and Bengio's, for all rows of a matrix; biases 0.
  function MultiHeadAttention:reset(stdv)
    for _, name in ipairs { "in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight" } do
      local w = self[name]
      if w then
        local bound = stdv and stdv * math.sqrt(3) or math.sqrt(6 / (w:size(1) + w:size(2)))
        w:uniform(-bound, bound)
      end
    end
    self.out_proj:reset(stdv)
    if self.in_proj_bias then
      self.in_proj_bias:zero()
      self.out_proj.bias:zero()
    end
  end

  -- ---- the projections -------------------------------------------------------------------------------

  local linear, parts = functional.linear, functional._parts

  -- q, k, v projected.  What is one tensor is projected by one product.
  local function project(self, q, k, v)
    local e, kv, w, b = self.embedDim, self.kvDim, self.in_proj_weight, self.in_proj_bias
    if w and k == q and v == q then return parts(linear(q, w, b), false, e, kv, kv) end
    if w and k == v then
      local wq, wk = parts(w, true, e, 2 * kv)
      local bq, bk
      if b then bq, bk = parts(b, true, e, 2 * kv) end
      return linear(q, wq, bq), parts(linear(k, wk, bk), false, kv, kv)
    end
    local wq, wk, wv = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
    if w then wq, wk, wv = parts(w, true, e, kv, kv) end
    local bq, bk, bv
    if b then bq, bk, bv = parts(b, true, e, kv, kv) end
    return linear(q, wq, bq), linear(k, wk, bk), linear(v, wv, bv)
  end

  -- Only the queries.
  local function project_query(self, q)
    local e, w, b = self.embedDim, self.in_proj_weight, self.in_proj_bias
    return linear(q, self.q_proj_weight or torch.narrow(w, 1, 1, e), b and torch.narrow(b, 1, 1, e))
  end

  -- As batch x heads x length x headDim; a view.
  local function heads(self, x, n)
    local a, b = x:size(1), x:size(2)
    local split = torch.reshape(x, a, b, n, self.headDim)
    return self.batchFirst and split:permute(1, 3, 2, 4) or split:permute(2, 3, 1, 4)
  end

  local function together(self, y)
    local joined = self.batchFirst and y:permute(1, 3, 2, 4) or y:permute(3, 1, 2, 4)
    return torch.reshape(joined, joined:size(1), joined:size(2), self.embedDim)
  end

  -- ---- masks -----------------------------------------------------------------------------------------

  local function is_flags(mask) return mask.dtype == "bool" or mask.dtype == "uint8" end

  -- Flags that are true where nothing is seen, as numbers to add.
  local function as_numbers(mask, like)
    if not is_flags(mask) then return mask end
    return like.new(table.unpack(mask.shape)):zero():maskedFill(mask, -math.huge)
  end

  -- PyTorch's two masks as one of scaledDotProductAttention.
  local function join_masks(self, batch, l, s, o, like)
    local attn, padding = o.attnMask, o.keyPaddingMask
    if attn then
      if attn:dim() == 3 then
        if attn:size(1) ~= batch * self.numHeads then
          fail(self, "attnMask is of %s, wanted %d matrices or one", arguments.shape(attn),
            batch * self.numHeads)
        end
        attn = torch.reshape(attn, batch, self.numHeads, attn:size(2), attn:size(3))
      end
      if attn:size(-1) ~= s or attn:size(-2) ~= l then
        fail(self, "attnMask is of %s, wanted %d x %d", arguments.shape(attn), l, s)
      end
    end
    if padding then
      if padding:nElement() ~= batch * s then
        fail(self, "keyPaddingMask is of %s, wanted %d x %d", arguments.shape(padding), batch, s)
      end
      padding = torch.reshape(padding, batch, 1, 1, s)
    end
    if attn and padding then
      if is_flags(attn) and is_flags(padding) then
        return torch.logicalNot(torch.logicalOr(attn, padding))
      end
      return as_numbers(attn, like) + as_numbers(padding, like)
    end
    local one = attn or padding
    return one and is_flags(one) and torch.logicalNot(one) or one
  end

  -- ---- the call --------------------------------------------------------------------------------------

  local call_options = { keyPaddingMask = true, attnMask = true, causal = true, needWeights = true,
    averageWeights = true, cache = true, fixed = true, first = true, _last = true }

  local function check(self, q, k, v, o)
    arguments.known(self, o, call_options)
    for i = 1, 3 do arguments.tensor(self, select(i, q, k, v), 2, 3) end
    if q:dim() ~= k:dim() or k:dim() ~= v:dim() then
      fail(self, "inputs of %s, %s and %s", arguments.shape(q), arguments.shape(k), arguments.shape(v))
    end
    for _, pair in ipairs { { q, self.embedDim }, { k, self.kdim }, { v, self.vdim } } do
      if pair[1]:size(-1) ~= pair[2] then
        fail(self, "an input is of %s, wanted the last size %d", arguments.shape(pair[1]), pair[2])
      end
    end
  end

  -- Heads of queries, keys and values, and how many keys come before that of the first query.
  local function prepare(self, q, k, v, o)
    local cache = o.cache
    if cache and o.fixed and cache.length > 0 then
      local keys, values = cache:views()
      return heads(self, project_query(self, q), self.numHeads), keys, values, 0
    end
    q, k, v = project(self, q, k, v)
    q, k, v = heads(self, q, self.numHeads), heads(self, k, self.kvHeads), heads(self, v, self.kvHeads)
    local before = cache and cache.length or 0
    if self.rotary then
      local first = o.first or before + 1
      q, k = self.rotary(q, first), self.rotary(k, first)
    end
    if cache then k, v = cache:append(k, v) end
    return q, k, v, before
  end

  local function attend(self, q, k, v, o)
    local wanted = o.needWeights ~= false
    local dropout = self.train and self.dropout or 0
    local before
    local like = q
    q, k, v, before = prepare(self, q, k, v, o)
    local mask
    if o.attnMask or o.keyPaddingMask then
      mask = join_masks(self, q:size(1), q:size(3), k:size(3), o, like)
    end
    local y, weights = functional._attention(q, k, v, mask, o.causal, before, dropout, nil, wanted)
    y = together(self, y)
    y = o._last and o._last(self.out_proj, y) or self.out_proj(y)
    if weights and o.averageWeights ~= false then weights = torch.mean(weights, 2):squeeze(2) end
    return y, weights
  end

  function MultiHeadAttention:updateOutput(q, k, v, opts)
    return self:_compute(q, k, v, opts)
  end

  -- The same, for the layers of transformers, whose option _last takes the place of out_proj.
  function MultiHeadAttention:_compute(q, k, v, opts)
    if type(q) == "table" then q, k, v, opts = q[1], q[2], q[3], q[4] or k end
    k = k or q
    v = v or k
    opts = opts or {}
    check(self, q, k, v, opts)
    if q:dim() == 3 then return attend(self, q, k, v, opts) end
    local batch = self.batchFirst and 1 or 2
    local q3 = torch.unsqueeze(q, batch)
    local k3 = k == q and q3 or torch.unsqueeze(k, batch)
    local v3 = v == k and k3 or torch.unsqueeze(v, batch)
    local y, weights = attend(self, q3, k3, v3, opts)
    return torch.squeeze(y, batch), weights and torch.squeeze(weights, 1)
  end

  function MultiHeadAttention:__tostring()
    return ("%s(%d, %d heads%s)"):format(torch.typename(self), self.embedDim, self.numHeads,
      self.kvHeads ~= self.numHeads and (", %d of keys"):format(self.kvHeads) or "")
  end

  nn.MultiheadAttention = nn.MultiHeadAttention
end
