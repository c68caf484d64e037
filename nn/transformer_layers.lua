-- transformer_layers.lua: what the layers of transformers share.

return function(nn, torch)
  local arguments = nn._arguments
  local fail = arguments.fail
  local shared = {}
  nn._transformer = shared

  local activations = { relu = torch.relu, gelu = torch.gelu }

  -- The options of the layers, checked.
  function shared.options(self, opts)
    local o = arguments.options(self, opts, { dimFeedforward = 2048, dropout = 0.1, activation = "relu",
      layerNormEps = 1e-5, batchFirst = false, normFirst = false, bias = true, kvHeads = arguments.NONE,
      rotary = arguments.NONE })
    local act = o.activation
    if not activations[act] and type(act) ~= "function" and not torch.isTypeOf(act, "nn.Module") then
      fail(self, "activation is %s, wanted \"relu\", \"gelu\", a function or a module", tostring(act))
    end
    arguments.whole(self, "dimFeedforward", o.dimFeedforward, nil, 1)
    arguments.flag(self, "bias", o.bias)
    return o
  end

  -- What both kinds of layer have; `blocks` says how many norms and dropouts.
  function shared.build(self, dModel, o, blocks)
    self.normFirst = arguments.flag(self, "normFirst", o.normFirst)
    self.activation = o.activation
    self.linear1 = nn.Linear(dModel, o.dimFeedforward, o.bias)
    self.dropout = nn.Dropout(o.dropout)
    self.linear2 = nn.Linear(o.dimFeedforward, dModel, o.bias)
    for i = 1, blocks do self["norm" .. i] = nn.LayerNorm(dModel, { eps = o.layerNormEps, bias = o.bias }) end
    for i = 1, blocks do self["dropout" .. i] = nn.Dropout(o.dropout) end
    self.train = true
  end

  -- Dropout that costs nothing where it does nothing.
  local function drop(module, x)
    if not module.train or module.p == 0 then return x end
    return module(x)
  end

  -- Whether a module does what its class does, and nobody is told of its calls.
  local function plain(module, class)
    return torch.type(module) == class and rawget(module, "updateOutput") == nil and
      rawget(module, "forward") == nil and not module._derived and not nn.Module._hooks[module]
  end

  local function on_gpu(x) return torch.isTensor(x) and x:getDevice() > 0 end

  -- Whether what follows a linear layer's product can be one pass, which a GPU has.
  local function fuses(linear, dropout, x)
    return on_gpu(x) and plain(linear, "nn.Linear") and linear.bias
      and plain(dropout, "nn.Dropout") and dropout.v2 and not dropout.stochastic_inference
  end

  -- The product of a layer that is not called itself.
  local function product(linear, x)
    if not linear._functional then linear:_link() end -- as a call of it would
    return nn.functional.linear(x, linear.weight)
  end

  -- x plus what linear makes of y, after the i-th dropout.
  local function plus(self, i, x, linear, y)
    local dropout = self["dropout" .. i]
    if not fuses(linear, dropout, y) then return x + drop(dropout, linear(y)) end
    local products, p = product(linear, y), dropout.train and dropout.p or 0
    if products.dtype == x.dtype then
      return nn.functional.biasActivation(products, linear.bias, "none", p, x)
    end
    return x + nn.functional.biasActivation(products, linear.bias, "none", p)
  end

  -- The hidden layer; `last` does the rest.
  function shared.feedForward(self, x, last)
    local first, dropout = self.linear1, self.dropout
    if activations[self.activation] and fuses(first, dropout, x) then
      local products, p = product(first, x), dropout.train and dropout.p or 0
      return last(self.linear2, nn.functional.biasActivation(products, first.bias, self.activation, p))
    end
    local act = activations[self.activation] or self.activation
    return last(self.linear2, drop(dropout, act(first(x))))
  end

  -- x plus attention, after the i-th dropout.  Nobody sees what attention alone gives where its last layer
  -- is fused with the sum.
  function shared.attend(self, i, x, last, attention, q, memory, options)
    options.needWeights = false
    if on_gpu(q) and q:dim() == 3 and plain(attention, "nn.MultiHeadAttention") then
      if not attention._functional then attention:_link() end
      options._last = last
      return (attention:_compute(q, memory, memory, options))
    end
    return x + drop(self["dropout" .. i], (attention(q, memory, memory, options)))
  end

  -- x plus what f makes of it, with the i-th norm and dropout: before f, or after the sum.  f gets its input
  -- and a function of its last layer and that one's input, which gives the sum.
  function shared.residual(self, i, x, f)
    local norm = self["norm" .. i]
    local function last(linear, y) return plus(self, i, x, linear, y) end
    if self.normFirst then return f(norm(x), last) end
    return norm(f(x, last))
  end

  -- A stack of copies of a layer, all with its parameters' values.
  function shared.stack(self, layer, class, numLayers, norm)
    if not torch.isTypeOf(layer, class) then
      fail(self, "the layer is a %s, wanted an %s", torch.type(layer), class)
    end
    if norm ~= nil and not torch.isTypeOf(norm, "nn.Module") then
      fail(self, "the norm is a %s, wanted a module", torch.type(norm))
    end
    self.layers = nn.ModuleList()
    for _ = 1, arguments.whole(self, "numLayers", numLayers, nil, 1) do self.layers:append(layer:clone()) end
    self.norm = norm
    self.train = true
  end

  -- x through the layers; each call gives the options of layer i's.
  function shared.run(self, x, call)
    for i, layer in ipairs(self.layers.modules) do x = call(layer, x, i) end
    return self.norm and self.norm(x) or x
  end

  -- The cache of layer i, made at its first use.
  function shared.cache(self, caches, i, make)
    if caches == nil then return nil end
    if type(caches) ~= "table" or torch.typename(caches) then
      fail(self, "the cache is a %s, wanted a table, which gets one for each layer", torch.type(caches))
    end
    caches[i] = caches[i] or make()
    return caches[i]
  end
end
