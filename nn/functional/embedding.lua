-- embedding: rows of a matrix by their numbers: what nn.LookupTable, nn.Embedding, nn.EmbeddingBag, and the
-- sparse linear layers share.

local raise = require("torch.caller").raise

return function(nn, torch)
  local F = nn.functional
  local embeddingBag = F._embeddingBag
  F._embeddingBag = nil
  local embedding = {}
  nn._embedding = embedding

  -- The rows as they are; their gradients are multiplied by a factor each, of which 0 stands for none.
  local weigh = torch.Function {
    name = "embedding",
    forward = function(ctx, rows, factors)
      ctx.factors = factors
      return rows
    end,
    backward = function(ctx, g) return torch.cmul(g, ctx.factors:expandAs(g)) end,
  }

  -- How often each of n numbers is among the places.
  local function counts(places, n, like)
    local ones = like.new(places:nElement()):fill(1)
    return like.new(n):zero():indexAdd(1, places, ones)
  end

  --- Scales the rows at some places down to a norm, in place.
  function embedding.renorm(weight, places, maxNorm, normType)
    torch.noGrad(function()
      local rows = torch.unique(places)
      if rows:nElement() == 0 then return end
      local part = torch.index(weight:detach(), 1, rows)
      local p = normType or 2
      local norms = torch.pow(torch.pow(torch.abs(part), p):sum(2), 1 / p):reshape(rows:nElement(), 1)
      local over = torch.cdiv(torch.fullLike(norms, maxNorm), norms + 1e-7)
      local factors = torch.where(torch.gt(norms, maxNorm), over, torch.onesLike(norms))
      weight:indexCopy(1, rows, torch.cmul(part, factors:expandAs(part)))
    end)
  end

  --- Numbers of rows as a vector of int64 on the weight's device.
  function embedding.places(name, input, weight)
    if not torch.isTensor(input) then
      raise("%s: the input is a %s, wanted a tensor of numbers from 1 to %d", name, type(input),
        weight:size(1))
    end
    local places = input:detach():to("int64"):to(weight.device)
    places = places:reshape(places:nElement())
    if places:nElement() > 0 and tostring(places.device) == "cpu" then
      local low, high = places:min(), places:max()
      if low < 1 or high > weight:size(1) then
        raise("%s: the input has %d, wanted numbers from 1 to %d", name, low < 1 and low or high,
          weight:size(1))
      end
    end
    return places
  end

  --- The rows at `places`, a vector; o as the options of embedding.
  function embedding.rows(weight, places, o)
    if o.maxNorm then embedding.renorm(weight, places, o.maxNorm, o.normType) end
    local rows = torch.index(weight, 1, places)
    local padding = o.paddingIdx
    if not padding and not o.scaleGradByFreq then return rows end
    local plain = weight:detach()
    local factors = plain.new(places:nElement()):fill(1)
    if o.scaleGradByFreq then
      factors = torch.cdiv(factors, torch.index(counts(places, weight:size(1), plain), 1, places))
    end
    if padding then factors = torch.cmul(factors, torch.ne(places, padding):type(factors:type())) end
    return weigh(rows, factors:view(-1, 1))
  end

  --- nn.functional.embedding(input, weight [, opts])
  --
  -- The rows of a matrix by their numbers.  Differentiable by weight, always with the same bits.
  --
  -- input: tensor of numbers of rows, from 1
  -- weight: matrix
  -- opts: table: paddingIdx, a row that gets no gradient; maxNorm, to which the rows that are taken are
  --   scaled down in weight itself, and normType (2); scaleGradByFreq (false), which divides a row's gradient
  --   by how often it is taken
  -- Returns: a tensor of the input's shape and one dimension more, of weight's columns
  -- Errors: a number is outside the matrix
  -- From: PyTorch, where numbers count from 0
  -- Example:
  --   nn.functional.embedding(torch.LongTensor { 2, 2 }, torch.eye(3))[1][2] --> 1.0
  function F.embedding(input, weight, opts)
    if not torch.isTensor(weight) or weight:dim() ~= 2 then
      raise("embedding: the weight is a %s, wanted a matrix", torch.type(weight))
    end
    local shape = torch.isTensor(input) and { table.unpack(input.shape) } or {}
    shape[#shape + 1] = weight:size(2)
    return embedding.rows(weight, embedding.places("embedding", input, weight), opts or {}):reshape(shape)
  end

  --- The number of the bag of each of n elements; offsets are where the bags start, from 1.
  function embedding.bags(name, offsets, n)
    offsets = offsets:detach():to("int64")
    local count = offsets:nElement()
    local wrong = count == 0 and n > 0
    if count > 0 then
      local steps = offsets:narrow(1, 2, count - 1) - offsets:narrow(1, 1, count - 1)
      wrong = offsets[1] ~= 1 or offsets[count] > n + 1 or (count > 1 and steps:min() < 0)
    end
    if wrong then raise("%s: the offsets are not places from 1 to %d that ascend", name, n + 1) end
    local starts = offsets.new(n + 1):zero()
    if count > 0 then starts:indexAdd(1, offsets, torch.onesLike(offsets)) end
    return starts:narrow(1, 1, n):cumsum(1)
  end

  --- The sum of the rows of each bag, n bags.
  function embedding.sum(rows, bag, n)
    local zeros = rows:detach().new(n, rows:size(2)):zero()
    return zeros:indexAdd(1, bag, rows)
  end

  -- Checks what goes with the numbers of rows.
  local function check_bags(input, weight, o)
    if not torch.isTensor(input) then
      raise("embeddingBag: the input is a %s, wanted a tensor", type(input))
    end
    if not torch.isTensor(weight) or weight:dim() ~= 2 then
      raise("embeddingBag: the weight is a %s, wanted a matrix", torch.type(weight))
    end
    if input:dim() == 2 then
      if o.offsets then raise "embeddingBag: the input is a matrix, whose rows are bags: no offsets" end
    elseif (input:dim() ~= 1 and input:nElement() > 0) or not torch.isTensor(o.offsets) then
      raise("embeddingBag: the input has %d dimensions, wanted a matrix, or a vector with offsets",
        input:dim())
    end
    if o.paddingIdx and not math.tointeger(o.paddingIdx) then
      raise("embeddingBag: paddingIdx is %s, wanted a whole number", tostring(o.paddingIdx))
    end
  end

  local function check_factors(factors, mode, n)
    if mode ~= "sum" then raise("embeddingBag: perSampleWeights are for mode sum, not %s", mode) end
    if not torch.isTensor(factors) then
      raise("embeddingBag: perSampleWeights are a %s, wanted a tensor", torch.type(factors))
    end
    if factors:nElement() ~= n then
      raise("embeddingBag: %d perSampleWeights for an input of %d", factors:nElement(), n)
    end
  end

  --- nn.functional.embeddingBag(input, weight [, opts])
  --
  -- The sum, mean or maximum of rows of a matrix, for bags of their numbers; 0 for an empty bag.
  -- Differentiable by weight and perSampleWeights.
  --
  -- input: matrix of numbers of rows, from 1, with a bag in each row; or a vector of them
  -- weight: matrix of a float type
  -- opts: table: offsets, where in a vector each bag starts, from 1; includeLastOffset (false), which says
  --   that the last one is where the last bag ends; mode ("mean"), or "sum", "max"; perSampleWeights, for
  --   "sum", a factor for each element of the input; paddingIdx, a row that does not count; maxNorm,
  --   normType and scaleGradByFreq as for embedding
  -- Returns: a matrix with a row for each bag
  -- Errors: a number is outside the matrix; there is no such mode; the offsets do not fit
  -- From: PyTorch, where numbers and offsets count from 0
  -- Example:
  --   weight = torch.Tensor { { 1 }, { 10 }, { 100 } }
  --   opts = { offsets = torch.LongTensor { 1, 3 }, mode = "sum" }
  --   y = nn.functional.embeddingBag(torch.LongTensor { 1, 2, 3 }, weight, opts)
  --   y[1][1], y[2][1] --> 11.0 100.0
  function F.embeddingBag(input, weight, opts)
    local o = opts or {}
    local mode = o.mode or "mean"
    if mode ~= "sum" and mode ~= "mean" and mode ~= "max" then
      raise("embeddingBag: the mode is %s, wanted sum, mean or max", tostring(mode))
    end
    check_bags(input, weight, o)
    if o.perSampleWeights then check_factors(o.perSampleWeights, mode, input:nElement()) end
    if o.maxNorm or o.scaleGradByFreq then
      local places = embedding.places("embeddingBag", input, weight)
      if o.maxNorm then embedding.renorm(weight, places, o.maxNorm, o.normType) end
      if o.scaleGradByFreq then
        local often = counts(places, weight:size(1), weight:detach())
        weight = weigh(weight, torch.cinv(torch.cmax(often, 1)):view(-1, 1))
      end
    end
    return embeddingBag(weight, input, o.offsets, o.perSampleWeights, mode, o.paddingIdx or 0,
      o.includeLastOffset)
  end
end
