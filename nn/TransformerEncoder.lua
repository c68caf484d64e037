-- TransformerEncoder.lua: a stack of encoder layers.

return function(nn, torch)
  local Encoder, parent = torch.class("nn.TransformerEncoder", "nn.Module")
  local shared = nn._transformer

  --- nn.TransformerEncoder(encoderLayer, numLayers [, norm])
  --
  -- Runs copies of a layer one after the other, and a norm at the end.  The copies start with the same
  -- parameters.
  --
  -- encoder(src, opts) with opts: mask and srcKeyPaddingMask as nn.MultiHeadAttention's attnMask and
  -- keyPaddingMask; causal: place i sees the first i; cache: a table, empty at first, to give it the next
  -- places only.
  --
  -- encoderLayer: nn.TransformerEncoderLayer
  -- numLayers: number
  -- norm: module, or nil
  -- Returns: a module with layers, an nn.ModuleList, and norm; its input and output are like the layer's
  -- Errors: the layer is another module; a call has no such option
  -- From: Vaswani and others, "Attention is all you need", NeurIPS 2017, as in PyTorch
  -- Example:
  --   layer = nn.TransformerEncoderLayer(8, 2, { dimFeedforward = 16, batchFirst = true })
  --   encoder, x, cache = nn.TransformerEncoder(layer, 2), torch.rand(1, 5, 8), {}
  --   encoder:evaluate()
  --   y = encoder(x, { causal = true })
  --   for i = 1, 5 do step = encoder(x:narrow(2, i, 1), { causal = true, cache = cache }) end
  --   torch.allclose(step:select(2, 1), y:select(2, 5), 1e-4, 1e-5) --> true
  function Encoder:__init(encoderLayer, numLayers, norm)
    parent.__init(self)
    shared.stack(self, encoderLayer, "nn.TransformerEncoderLayer", numLayers, norm)
  end

  local known = { mask = true, srcKeyPaddingMask = true, causal = true, cache = true }

  function Encoder:updateOutput(src, opts)
    if type(src) == "table" then src, opts = src[1], src[2] end
    local o = nn._arguments.known(self, opts, known)
    return shared.run(self, src, function(layer, x, i)
      return layer(x, { srcMask = o.mask, srcKeyPaddingMask = o.srcKeyPaddingMask, causal = o.causal,
        cache = shared.cache(self, o.cache, i, nn.KeyValueCache) })
    end)
  end

  function Encoder:__tostring()
    return ("%s(%d x %s)"):format(torch.typename(self), #self.layers, tostring(self.layers[1]))
  end
end
