-- reduction: what the losses with PyTorch's names share: their options, how they are reduced, and their
-- functions.

local expect = require "nn.expect"

return function(nn, torch)
  local arguments = nn._arguments
  local reduction = {}
  nn._reduction = reduction

  local known = { mean = true, sum = true, none = true }

  --- The options as fields of the criterion; `weight` becomes `weights`, as other criterions have it.
  function reduction.options(self, opts, defaults)
    defaults.reduction = defaults.reduction or "mean"
    local o = arguments.options(self, opts, defaults)
    if not known[o.reduction] and not (o.reduction == "batchmean" and defaults.batchmean) then
      expect.fail(self, "reduction is %s, wanted mean, sum or none", tostring(o.reduction))
    end
    for name, value in pairs(o) do
      if name == "weight" then name = "weights" end
      if math.type(defaults[name]) and not math.type(value) then
        expect.fail(self, "%s is a %s, wanted a number", name, torch.type(value))
      end
      self[name] = value
    end
  end

  --- The losses as they are, their sum, or that divided by n, which is their number if left out.
  function reduction.reduce(self, losses, n, dtype)
    dtype = dtype or losses.dtype
    if self.reduction == "none" then return losses.dtype == dtype and losses or losses:type(dtype) end
    return expect.total(losses, self.reduction ~= "sum" and (n or losses:nElement()), dtype)
  end

  --- Half the squares of differences, which count in proportion above the bound, times a factor.
  function reduction.huber(self, input, target, bound, factor)
    expect.input(self, "input", input)
    target = expect.target(self, input, target)
    if self.reduction ~= "none" then
      return nn.functional._huber(input, target, bound, factor / 2, self.reduction == "mean")
    end
    return nn.functional._errors(input, target, bound, factor / 2)
  end

  -- Torch7's functions of rows of classes, for input of batch x classes x .. as well.
  local function at_places(plain, input, target, ...)
    if torch.isTensor(input) and torch.isTensor(target) and input:dim() > 2 then
      local rows, shape = reduction.rows(input)
      if table.concat(shape, "x") == table.concat(target.shape, "x") then
        input, target = rows, target:reshape(rows:size(1))
      end
    end
    return plain(input, target, ...)
  end

  -- nn.functional's names of the losses: the class, and of how many inputs.  The class's updateOutput is the
  -- function; what was there stays for other arguments.
  for name, loss in pairs {
    binaryCrossEntropy = { "BCELoss", 2 },
    binaryCrossEntropyWithLogits = { "BCEWithLogitsLoss", 2 },
    cosineEmbeddingLoss = { "CosineEmbeddingLoss", 3 },
    crossEntropy = { "CrossEntropyLoss", 2 },
    ctcLoss = { "CTCLoss", 4 },
    diceLoss = { "DiceLoss", 2 },
    focalLoss = { "FocalLoss", 2 },
    gaussianNllLoss = { "GaussianNLLLoss", 3 },
    hingeEmbeddingLoss = { "HingeEmbeddingLoss", 2 },
    huberLoss = { "HuberLoss", 2 },
    infoNceLoss = { "InfoNCELoss", 2 },
    klDiv = { "KLDivLoss", 2 },
    l1Loss = { "L1Loss", 2 },
    marginRankingLoss = { "MarginRankingLoss", 3 },
    mseLoss = { "MSELoss", 2 },
    multiMarginLoss = { "MultiMarginLoss", 2 },
    multilabelMarginLoss = { "MultiLabelMarginLoss", 2 },
    multilabelSoftMarginLoss = { "MultiLabelSoftMarginLoss", 2 },
    nllLoss = { "NLLLoss", 2 },
    poissonNllLoss = { "PoissonNLLLoss", 2 },
    smoothL1Loss = { "SmoothL1Loss", 2 },
    softMarginLoss = { "SoftMarginLoss", 2 },
    tripletMarginLoss = { "TripletMarginLoss", 3 },
    tripletMarginWithDistanceLoss = { "TripletMarginWithDistanceLoss", 3 },
  } do
    local plain, class, inputs = nn.functional[name], loss[1], loss[2]
    nn.functional[name] = function(...)
      local opts = select(inputs + 1, ...)
      if plain and (type(opts) ~= "table" or torch.isTensor(opts)) then
        return at_places(plain, ...)
      end
      return nn[class](opts):_value(table.unpack({ ... }, 1, inputs))
    end
  end

  --- (batch x classes x ..) as rows of classes, and the shape of the others.
  function reduction.rows(x)
    local shape = { table.unpack(x.shape) }
    if #shape == 1 then return x:reshape(1, shape[1]), {} end
    local classes = table.remove(shape, 2)
    if #shape > 1 then
      local order = { 1 }
      for d = 3, #x.shape do order[#order + 1] = d end
      order[#order + 1] = 2
      x = x:permute(table.unpack(order))
    end
    local n = 1
    for _, size in ipairs(shape) do n = n * size end
    return x:reshape(n, classes), shape
  end

  --- Of rows of log-probabilities: the losses of the target's classes, and the weight of each row.
  function reduction.nll(self, logp, target, shape)
    local classes = logp.shape[2]
    local weights = self.weights
    if weights and weights:nElement() ~= classes then
      expect.fail(self, "weight is %s, wanted one for each of the %d classes", expect.shape_text(weights),
        classes)
    end
    if math.type(target) then target = torch.LongTensor { target } end
    expect.tensor(self, "target", target)
    local counted
    if self.ignoreIndex then
      counted = torch.ne(target, self.ignoreIndex)
      target = torch.where(counted, target, torch.onesLike(target))
    end
    target = expect.classes(self, logp, target, 1, classes, #shape > 0 and shape or { 1 }, true)
    target = target:reshape(logp.shape[1])
    local w
    if weights then
      w = torch.index(weights:type(logp.dtype):to(logp.device), 1, target)
    else
      w = logp.new(logp.shape[1]):fill(1)
    end
    if counted then w = torch.cmul(w, counted:reshape(w.shape):type(w.dtype):to(w.device)) end
    local picked = torch.gather(logp, 2, target:reshape(logp.shape[1], 1)):reshape(logp.shape[1])
    return torch.neg(torch.cmul(picked, w)), w
  end

  --- Losses of rows in the shape of the targets; the mean is over weights, and 0 where there are none.
  function reduction.weighted(self, losses, w, shape, dtype)
    if self.reduction == "none" then return reduction.reduce(self, losses:reshape(shape), nil, dtype) end
    if self.reduction == "sum" then return reduction.reduce(self, losses, nil, dtype) end
    local total = torch.sum(w:detach(), 1):view({}) -- not read: a graph can repeat this
    return expect.total(losses, torch.where(torch.ne(total, 0), total, torch.onesLike(total)), dtype)
  end
end
