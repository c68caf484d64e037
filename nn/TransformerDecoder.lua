-- TransformerDecoder.lua: a stack of decoder layers.

return function(nn, torch)
  local Decoder, parent = torch.class("nn.TransformerDecoder", "nn.Module")
  local shared = nn._transformer

  --- nn.TransformerDecoder(decoderLayer, numLayers [, norm])
  --
  -- Runs copies of a layer one after the other, and a norm at the end.  The copies start with the same
  -- parameters.
  --
  -- decoder(tgt, memory, opts) with the opts of nn.TransformerDecoderLayer; cache is a table, empty at first,
  -- to give it the next places only.
  --
  -- decoderLayer: nn.TransformerDecoderLayer
  -- numLayers: number
  -- norm: module, or nil
  -- Returns: a module with layers, an nn.ModuleList, and norm; its output is like tgt
  -- Errors: the layer is another module; a call has no such option
  -- From: Vaswani and others, "Attention is all you need", NeurIPS 2017, as in PyTorch
  -- Example:
  --   layer = nn.TransformerDecoderLayer(8, 2, { dimFeedforward = 16, batchFirst = true })
  --   decoder = nn.TransformerDecoder(layer, 2)
  --   decoder(torch.rand(3, 5, 8), torch.rand(3, 7, 8), { causal = true }):size(2) --> 5
  function Decoder:__init(decoderLayer, numLayers, norm)
    parent.__init(self)
    shared.stack(self, decoderLayer, "nn.TransformerDecoderLayer", numLayers, norm)
  end

  local known = { tgtMask = true, memoryMask = true, tgtKeyPaddingMask = true, memoryKeyPaddingMask = true,
    causal = true, cache = true }

  function Decoder:updateOutput(tgt, memory, opts)
    if type(tgt) == "table" then tgt, memory, opts = tgt[1], tgt[2], tgt[3] end
    local o = nn._arguments.known(self, opts, known)
    return shared.run(self, tgt, function(layer, x, i)
      return layer(x, memory, { tgtMask = o.tgtMask, memoryMask = o.memoryMask,
        tgtKeyPaddingMask = o.tgtKeyPaddingMask, memoryKeyPaddingMask = o.memoryKeyPaddingMask,
        causal = o.causal, cache = shared.cache(self, o.cache, i, function() return {} end) })
    end)
  end

  function Decoder:__tostring()
    return ("%s(%d x %s)"):format(torch.typename(self), #self.layers, tostring(self.layers[1]))
  end
end
