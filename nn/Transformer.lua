-- Transformer.lua: an encoder and a decoder.
-- Vaswani et al., "Attention is all you need", 2017.

return function(nn, torch)
  local Transformer, parent = torch.class("nn.Transformer", "nn.Module")
  local arguments = nn._arguments

  --- nn.Transformer([opts])
  --
  -- An encoder of src, and a decoder of tgt that attends to what the encoder gives.
  --
  -- transformer(src, tgt, opts) with opts: srcMask, tgtMask, memoryMask, srcKeyPaddingMask, tgtKeyPaddingMask
  -- and memoryKeyPaddingMask as nn.MultiHeadAttention's attnMask and keyPaddingMask; srcCausal, tgtCausal:
  -- place i of src, of tgt, sees the first i.
  --
  -- opts: table: dModel: 512 by default; nhead: 8; numEncoderLayers, numDecoderLayers: 6; dimFeedforward:
  --   2048; dropout: 0.1; activation: "relu", "gelu", a function or a module; layerNormEps: 1e-5; batchFirst,
  --   normFirst: false; bias: false leaves all biases out
  -- Returns: a module with encoder and decoder; its matrices start by Glorot and Bengio's rule.  Its inputs
  --   are length x batch x dModel, with batchFirst batch x length x dModel, or length x dModel; its output is
  --   like tgt
  -- Errors: those of nn.MultiHeadAttention; a call has no such option
  -- From: Vaswani and others, "Attention is all you need", NeurIPS 2017, as in PyTorch
  -- Example:
  --   net = nn.Transformer { dModel = 8, nhead = 2, numEncoderLayers = 1, numDecoderLayers = 1,
  --     dimFeedforward = 16 }
  --   net(torch.rand(7, 3, 8), torch.rand(5, 3, 8), { tgtCausal = true }):size(1) --> 5
  function Transformer:__init(opts)
    parent.__init(self)
    local o = arguments.options(self, opts, { dModel = 512, nhead = 8, numEncoderLayers = 6,
      numDecoderLayers = 6, dimFeedforward = 2048, dropout = 0.1, activation = "relu", layerNormEps = 1e-5,
      batchFirst = false, normFirst = false, bias = true })
    local layer = { dimFeedforward = o.dimFeedforward, dropout = o.dropout, activation = o.activation,
      layerNormEps = o.layerNormEps, batchFirst = o.batchFirst, normFirst = o.normFirst, bias = o.bias }
    local function norm() return nn.LayerNorm(o.dModel, { eps = o.layerNormEps, bias = o.bias }) end
    self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(o.dModel, o.nhead, layer),
      o.numEncoderLayers, norm())
    self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(o.dModel, o.nhead, layer),
      o.numDecoderLayers, norm())
    self.train = true
    self:reset()
  end

  function Transformer:reset(stdv)
    parent.reset(self, stdv)
    for _, p in ipairs((self:parameters())) do
      if p:dim() > 1 and not stdv then
        local bound = math.sqrt(6 / (p:size(1) + p:size(2)))
        p:uniform(-bound, bound)
      end
    end
  end

  local known = { srcMask = true, tgtMask = true, memoryMask = true, srcKeyPaddingMask = true,
    tgtKeyPaddingMask = true, memoryKeyPaddingMask = true, srcCausal = true, tgtCausal = true }

  function Transformer:updateOutput(src, tgt, opts)
    if type(src) == "table" then src, tgt, opts = src[1], src[2], src[3] end
    local o = arguments.known(self, opts, known)
    local memory = self.encoder(src, { mask = o.srcMask, srcKeyPaddingMask = o.srcKeyPaddingMask,
      causal = o.srcCausal })
    return self.decoder(tgt, memory, { tgtMask = o.tgtMask, memoryMask = o.memoryMask,
      tgtKeyPaddingMask = o.tgtKeyPaddingMask, memoryKeyPaddingMask = o.memoryKeyPaddingMask,
      causal = o.tgtCausal })
  end

  --- nn.Transformer:generateSquareSubsequentMask(size)
  --
  -- nn.Transformer.generateSquareSubsequentMask(size), as a function: numbers to add to the scores so that
  -- place i sees the first i: 0 there, minus infinity elsewhere.  The option causal does the same without a
  -- mask.
  --
  -- size: number of places
  -- Returns: a matrix, size x size
  -- From: PyTorch
  -- Example:
  --   nn.Transformer:generateSquareSubsequentMask(2)[1][2] --> -inf
  function Transformer.generateSquareSubsequentMask(first, size)
    if type(first) == "number" then size = first end
    local above = torch.triu(torch.ones(size, size), 1)
    return torch.zeros(size, size):maskedFill(torch.gt(above, 0), -math.huge)
  end

  function Transformer:__tostring()
    return ("%s {\n  %s\n  %s\n}"):format(torch.typename(self), tostring(self.encoder),
      tostring(self.decoder))
  end
end
