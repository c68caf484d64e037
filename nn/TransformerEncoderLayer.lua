-- TransformerEncoderLayer.lua: attention to oneself, then two linear layers at each place.
-- Vaswani et al., "Attention is all you need", 2017.

return function(nn, torch)
  local EncoderLayer, parent = torch.class("nn.TransformerEncoderLayer", "nn.Module")
  local shared = nn._transformer

  --- nn.TransformerEncoderLayer(dModel, nhead [, opts])
  --
  -- y = norm1(x + attention(x)), norm2(y + linear2(activation(linear1(y)))), with dropout after each part;
  -- or, with normFirst, x + attention(norm1(x)) and y + ..(norm2(y)).
  --
  -- layer(src, opts) with opts: srcMask and srcKeyPaddingMask as nn.MultiHeadAttention's attnMask and
  -- keyPaddingMask; causal: place i sees the first i, which makes it a layer of a decoder without an
  -- encoder; cache: an nn.KeyValueCache, to give it the next places only.
  --
  -- dModel: size of the rows
  -- nhead: number of heads
  -- opts: table: dimFeedforward: 2048 by default; dropout: 0.1; activation: "relu", "gelu", a function or a
  --   module; normFirst: false; batchFirst: false; layerNormEps: 1e-5; bias: false leaves all biases
  --   out; kvHeads, rotary: as nn.MultiHeadAttention
  -- Returns: a module with self_attn, linear1, linear2, norm1 and norm2; its input and output are length x
  --   batch x dModel, with batchFirst batch x length x dModel, or length x dModel
  -- Errors: those of nn.MultiHeadAttention; a call has no such option
  -- From: Vaswani and others, "Attention is all you need", NeurIPS 2017, as in PyTorch
  -- Example:
  --   layer = nn.TransformerEncoderLayer(8, 2, { dimFeedforward = 16, batchFirst = true })
  --   layer(torch.rand(3, 5, 8), { causal = true }):size(2) --> 5
  function EncoderLayer:__init(dModel, nhead, opts)
    parent.__init(self)
    local o = shared.options(self, opts)
    self.self_attn = nn.MultiHeadAttention(dModel, nhead, { dropout = o.dropout, bias = o.bias,
      batchFirst = o.batchFirst, kvHeads = o.kvHeads, rotary = o.rotary })
    shared.build(self, dModel, o, 2)
  end

  local known = { srcMask = true, srcKeyPaddingMask = true, causal = true, cache = true }

  function EncoderLayer:updateOutput(src, opts)
    if type(src) == "table" then src, opts = src[1], src[2] end
    local o = nn._arguments.known(self, opts, known)
    local x = shared.residual(self, 1, src, function(y, last)
      return shared.attend(self, 1, src, last, self.self_attn, y, nil, { attnMask = o.srcMask,
        keyPaddingMask = o.srcKeyPaddingMask, causal = o.causal, cache = o.cache })
    end)
    return shared.residual(self, 2, x, function(y, last) return shared.feedForward(self, y, last) end)
  end

  function EncoderLayer:__tostring()
    return ("%s(%d, %d heads)"):format(torch.typename(self), self.self_attn.embedDim, self.self_attn.numHeads)
  end
end
