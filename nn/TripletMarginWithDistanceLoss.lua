-- TripletMarginWithDistanceLoss.lua: nn.TripletMarginLoss with a distance of one's own.

return function(nn, torch)
  local TripletMarginWithDistanceLoss, parent =
    torch.class("nn.TripletMarginWithDistanceLoss", "nn.Criterion")
  local reduction, NONE = nn._reduction, nn._arguments.NONE

  --- nn.TripletMarginWithDistanceLoss([opts])
  -- nn.functional.tripletMarginWithDistanceLoss(anchor, positive, negative [, opts])
  --
  -- max(0, d(anchor, positive) - d(anchor, negative) + margin) for each row, with any differentiable d.
  -- `swap` takes the smaller of d(anchor, negative) and d(positive, negative).
  --
  -- anchor, positive, negative: tensors of one shape
  -- opts: table: distanceFunction, a function of two tensors that gives a distance for each row (the
  --   Euclidean one of a - b + 1e-6 if left out); margin (1), swap (false); reduction ("mean"), or "sum",
  --   "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   far = function(a, b) return torch.abs(a - b):sum(2):view(-1) end
  --   criterion = nn.TripletMarginWithDistanceLoss({ distanceFunction = far })
  --   criterion(torch.zeros(1, 2), torch.ones(1, 2), torch.ones(1, 2)):item() --> 1.0
  function TripletMarginWithDistanceLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { distanceFunction = NONE, margin = 1, swap = false })
  end

  local function euclidean(a, b)
    local d = torch.add(torch.csub(a, b), 1e-6)
    return torch.sqrt(torch.sum(torch.cmul(d, d), -1)):reshape({ table.unpack(d.shape, 1, #d.shape - 1) })
  end

  function TripletMarginWithDistanceLoss:updateOutput(input, ...)
    if torch.isTensor(input) then input = { input, ... } end
    local distance = self.distanceFunction or euclidean
    return reduction.reduce(self, nn.TripletMarginLoss._losses(self, input, distance))
  end
end
