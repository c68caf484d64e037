-- Kmeans.lua: the nearest of some centres, which move to the middle of what is near them.

return function(nn, torch)
  local Kmeans, parent = torch.class("nn.Kmeans", "nn.Module")
  local arguments = nn._arguments

  --- nn.Kmeans(k, dim [, scale])
  -- nn.Kmeans:initRandom(input); nn.Kmeans:initKmeansPlus(input [, p])
  --
  -- The number of the nearest of k centres, the rows of module.weight, for each row of the input.
  -- module.loss is the sum of the squared distances.  The gradient of the centres is such that a step of
  -- size 1 takes each to the mean of its rows (scale times the way); the input gets none.  initRandom
  -- starts with rows of the input; initKmeansPlus with rows that are far apart: each further one is drawn
  -- among the (1 - p) * batch that are the farthest from the others.
  --
  -- k: how many centres
  -- dim: number of columns
  -- scale: number, in place of that of accGradParameters
  -- input: matrix, batch x dim
  -- p: number from 0 to 1, 0.95 by default
  -- Returns: a module; its input is batch x dim, its output a vector of numbers from 1 to k
  -- From: Torch7
  -- Example:
  --   module = nn.Kmeans(2, 1)
  --   module.weight:copy(torch.Tensor { { 0 }, { 10 } })
  --   module:forward(torch.Tensor { { 1 }, { 9 }, { 2 } })[2], module.loss --> 2.0 6.0
  function Kmeans:__init(k, dim, scale)
    parent.__init(self)
    self.k = arguments.whole(self, "k", k, nil, 1)
    self.dim = arguments.whole(self, "dim", dim, nil, 1)
    self.scale = scale
    self.weight = torch.Tensor(k, dim)
    self.gradWeight = torch.zeros(k, dim)
    self.loss = 0
    self.clusterSampleCount = torch.zeros(k)
    self:reset()
  end

  function Kmeans:reset(stdv)
    stdv = stdv or 1
    self.weight:uniform(-stdv, stdv)
  end

  local function check(self, input)
    arguments.tensor(self, input, 2, 2)
    if input:size(2) ~= self.dim then
      arguments.fail(self, "the input is of %s, wanted %d columns", arguments.shape(input), self.dim)
    end
    return input:detach()
  end

  function Kmeans:initRandom(input)
    input = check(self, input)
    if input:size(1) < self.k then
      arguments.fail(self, "the input has %d rows, wanted %d at least", input:size(1), self.k)
    end
    torch.noGrad(function()
      for i = 1, self.k do self.weight[i]:copy(input[torch.random(input:size(1))]) end
    end)
  end

  -- Squared distances, rows of a by rows of b.
  local function distances(a, b)
    local n, k, dim = a:size(1), b:size(1), a:size(2)
    local diff = a:reshape(n, 1, dim):expand(n, k, dim) - b:reshape(1, k, dim):expand(n, k, dim)
    return torch.cmul(diff, diff):sum(3):reshape(n, k)
  end

  function Kmeans:initKmeansPlus(input, p)
    input = check(self, input)
    self.p = p or self.p or 0.95
    if not (self.p >= 0 and self.p <= 1) then arguments.fail(self, "p is %g, wanted 0 to 1", self.p) end
    local n = input:size(1)
    local count = math.max(1, math.ceil((1 - self.p) * n))
    torch.noGrad(function()
      self.weight[1]:copy(input[torch.random(n)])
      local nearest
      for i = 2, self.k do
        local d = distances(input, self.weight:narrow(1, i - 1, 1)):reshape(n)
        nearest = nearest and torch.cmin(nearest, d) or d
        local _, order = nearest:sort(1, true)
        self.weight[i]:copy(input[math.tointeger(order[torch.random(count)])])
      end
    end)
  end

  -- A step against this gradient moves each centre to the mean of its rows.
  local attract = torch.Function {
    name = "nn.Kmeans",
    forward = function(ctx, weight, input, places, scale)
      ctx.scale = scale
      ctx:saveForBackward(weight, input, places)
      return places:type(weight:type())
    end,
    backward = function(ctx)
      local weight, input, places = ctx:savedTensors()
      local sum = torch.zerosLike(weight):indexAdd(1, places, torch.index(weight, 1, places) - input)
      local ones = input.new(places:nElement()):fill(1)
      local count = weight.new(weight:size(1)):zero():indexAdd(1, places, ones)
      return torch.cdiv(sum, (count + 1e-7):view(-1, 1):expandAs(sum)) * ctx.scale
    end,
    once = true,
  }

  function Kmeans:updateOutput(input)
    local x = check(self, input)
    local least, places = torch.noGrad(function()
      return torch.min(distances(x, self.weight:detach()), 2)
    end)
    places = places:reshape(x:size(1))
    self.loss = least:sum()
    self.clusterSampleCount = torch.zeros(self.k):type(x:type()):indexAdd(1, places, x.new(x:size(1)):fill(1))
    return attract(self.weight, x, places, self.scale or 1)
  end

  -- The gradient does not depend on gradOutput, which may be left out.
  function Kmeans:backward(input, gradOutput, scale)
    return parent.backward(self, input, gradOutput or self.output, scale)
  end
end
