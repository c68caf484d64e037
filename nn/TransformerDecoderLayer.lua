-- TransformerDecoderLayer.lua: attention to oneself, to an encoder's output, then two linear layers.
-- Vaswani et al., "Attention is all you need", 2017.

return function(nn, torch)
  local DecoderLayer, parent = torch.class("nn.TransformerDecoderLayer", "nn.Module")
  local shared = nn._transformer

  --- nn.TransformerDecoderLayer(dModel, nhead [, opts])
  --
  -- As nn.TransformerEncoderLayer, with attention to the rows of an encoder, the memory, in between.
  --
  -- layer(tgt, memory, opts) with opts: tgtMask, tgtKeyPaddingMask, memoryMask and memoryKeyPaddingMask as
  -- nn.MultiHeadAttention's attnMask and keyPaddingMask; causal: place i sees the first i of tgt; cache: a
  -- table, which gets a cache of both attentions, to give it the next places only.  With it the memory is
  -- projected once.
  --
  -- dModel, nhead, opts: as nn.TransformerEncoderLayer
  -- Returns: a module with self_attn, multihead_attn, linear1, linear2, norm1, norm2 and norm3; its output is
  --   like tgt
  -- Errors: those of nn.MultiHeadAttention; a call has no such option
  -- From: Vaswani and others, "Attention is all you need", NeurIPS 2017, as in PyTorch
  -- Example:
  --   layer = nn.TransformerDecoderLayer(8, 2, { dimFeedforward = 16, batchFirst = true })
  --   layer(torch.rand(3, 5, 8), torch.rand(3, 7, 8), { causal = true }):size(2) --> 5
  function DecoderLayer:__init(dModel, nhead, opts)
    parent.__init(self)
    local o = shared.options(self, opts)
    local attention = { dropout = o.dropout, bias = o.bias, batchFirst = o.batchFirst, kvHeads = o.kvHeads,
      rotary = o.rotary }
    self.self_attn = nn.MultiHeadAttention(dModel, nhead, attention)
    attention.rotary = nil -- places of the memory are not places of tgt
    self.multihead_attn = nn.MultiHeadAttention(dModel, nhead, attention)
    shared.build(self, dModel, o, 3)
  end

  local known = { tgtMask = true, memoryMask = true, tgtKeyPaddingMask = true, memoryKeyPaddingMask = true,
    causal = true, cache = true }

  function DecoderLayer:updateOutput(tgt, memory, opts)
    if type(tgt) == "table" then tgt, memory, opts = tgt[1], tgt[2], tgt[3] end
    local o = nn._arguments.known(self, opts, known)
    local cache = o.cache or {}
    if o.cache and not cache.own then cache.own, cache.memory = nn.KeyValueCache(), nn.KeyValueCache() end
    local x = shared.residual(self, 1, tgt, function(y, last)
      return shared.attend(self, 1, tgt, last, self.self_attn, y, nil, { attnMask = o.tgtMask,
        keyPaddingMask = o.tgtKeyPaddingMask, causal = o.causal, cache = cache.own })
    end)
    local z = shared.residual(self, 2, x, function(y, last)
      return shared.attend(self, 2, x, last, self.multihead_attn, y, memory, { attnMask = o.memoryMask,
        keyPaddingMask = o.memoryKeyPaddingMask, cache = cache.memory, fixed = true })
    end)
    return shared.residual(self, 3, z, function(y, last) return shared.feedForward(self, y, last) end)
  end

  function DecoderLayer:__tostring()
    return ("%s(%d, %d heads)"):format(torch.typename(self), self.self_attn.embedDim, self.self_attn.numHeads)
  end
end
