-- connections.lua: tables of connections, and what the convolutions that follow one share.

return function(nn, torch)
  local arguments, convolution = nn._arguments, nn._convolution

  --- nn.tables.full(nin, nout); nn.tables.oneToOne(nfeat); nn.tables.random(nin, nout, nto)
  --
  -- Tables of connections for nn.SpatialConvolutionMap: from every input plane to every output plane; from
  -- each plane to the one of the same number; to each output plane from nto input planes, drawn by chance.
  --
  -- nin, nout, nfeat: how many planes
  -- nto: number, at most nin
  -- Returns: a tensor of two columns: from, to
  -- Errors: nto is above nin
  -- From: Torch7
  -- Example:
  --   nn.tables.full(2, 3):size(1), nn.tables.oneToOne(4):size(1) --> 6 4
  --   nn.tables.random(5, 3, 2)[1][2] --> 1.0
  function nn.tables.full(nin, nout)
    local from = torch.range(1, nin):view(1, nin):expand(nout, nin)
    local to = torch.range(1, nout):view(nout, 1):expand(nout, nin)
    return torch.stack({ from, to }, 3):view(nin * nout, 2)
  end

  function nn.tables.oneToOne(nfeat)
    return torch.stack({ torch.range(1, nfeat), torch.range(1, nfeat) }, 2)
  end

  function nn.tables.random(nin, nout, nto)
    if nto < 1 or nto > nin then error(("nn.tables.random: %d of %d planes"):format(nto, nin), 2) end
    -- Each draw deals the input planes to as many output planes as they suffice for.
    local dealt, hands = {}, nin // nto
    for first = 1, nout, hands do
      local count = math.min(hands, nout - first + 1)
      dealt[#dealt + 1] = torch.randperm(nin):narrow(1, 1, count * nto):typeAs(torch.Tensor())
    end
    local to = torch.range(1, nout):view(nout, 1):expand(nout, nto):contiguous():view(nout * nto)
    return torch.stack({ torch.cat(dealt, 1), to }, 2)
  end

  -- What both maps of connections share.
  function convolution.map(self, connTable, kW, kH, dW, dH)
    if not torch.isTensor(connTable) or connTable:dim() ~= 2 or connTable:size(2) ~= 2
      or connTable:nElement() == 0 or connTable:min() < 1 then
      arguments.fail(self, "a table of connections is wanted: a tensor of two columns, from 1 on")
    end
    convolution.set(self, 1, "kW kH dW dH", kW, kH, dW or 1, dH or 1)
    self.connTable = connTable
    self.nInputPlane = math.tointeger(connTable:select(2, 1):max())
    self.nOutputPlane = math.tointeger(connTable:select(2, 2):max())
    convolution.parameters(self, { connTable:size(1), kH, kW }, { self.nOutputPlane })
  end

  -- Each kernel in +-1/sqrt(kW kH n), where n is how many kernels lead to the same output plane.
  function convolution.startMap(self, stdv)
    if stdv then return convolution.start(self, stdv) end
    local to = self.connTable:select(2, 2):long()
    local counts = torch.zeros(self.nOutputPlane):typeAs(self.weight)
      :indexAdd(1, to, torch.ones(to:size(1)):typeAs(self.weight))
    local bounds = torch.cinv(torch.sqrt(counts * (self.kW * self.kH)))
    local kernels = torch.index(bounds, 1, to):view(-1, 1, 1)
    self.weight:uniform(-1, 1):cmul(kernels:expandAs(self.weight))
    bounds[torch.eq(counts, 0)] = 0 -- a plane without connections
    self.bias:uniform(-1, 1):cmul(bounds)
    return self
  end

  -- A weight of rows x columns planes that has the kernels where the columns `first` and `second` of the
  -- table say, and zeros elsewhere.
  function convolution.allKernels(self, first, second, rows, columns)
    local t = self.connTable:long()
    local places = (t:select(2, first) - 1) * columns + t:select(2, second)
    local all = self.weight.new(rows * columns, self.kH, self.kW):zero():indexAdd(1, places, self.weight)
    return all:view(rows, columns, self.kH, self.kW)
  end

  -- The input's planes that are connected.
  function convolution.connected(self, input)
    arguments.tensor(self, input, 3, 4)
    local dim = input:dim() - 2
    if input:size(dim) < self.nInputPlane then
      arguments.fail(self, "the input is of %s, wanted at least %d planes", arguments.shape(input),
        self.nInputPlane)
    end
    return input:narrow(dim, 1, self.nInputPlane)
  end
end
