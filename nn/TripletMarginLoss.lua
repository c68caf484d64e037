-- TripletMarginLoss.lua: whether something is nearer to its like than to another.

local expect = require "nn.expect"

return function(nn, torch)
  local TripletMarginLoss, parent = torch.class("nn.TripletMarginLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.TripletMarginLoss([opts])
  -- nn.functional.tripletMarginLoss(anchor, positive, negative [, opts])
  --
  -- max(0, d(anchor, positive) - d(anchor, negative) + margin) for each row, where d is the p-norm of a - b
  -- + eps. `swap` takes the smaller of d(anchor, negative) and d(positive, negative). criterion({ anchor,
  -- positive, negative }) is the same as criterion(anchor, positive, negative).
  --
  -- anchor, positive, negative: tensors of one shape, (batch x) n
  -- opts: table: margin (1), p (2), eps (1e-6), swap (false); reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: Balntas and others, "Learning local feature descriptors with triplets", BMVC 2016, as in PyTorch
  -- Example:
  --   nn.TripletMarginLoss()(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2)):item() --> 0.0
  function TripletMarginLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { margin = 1, p = 2, eps = 1e-6, swap = false })
  end

  --- The losses of a table of three; distance is a function of two tensors that gives a number for each row.
  function TripletMarginLoss._losses(self, input, distance)
    expect.list(self, "input", input, 3)
    local a, p = expect.pair(self, { input[1], input[2] })
    local _, n = expect.pair(self, { input[1], input[3] })
    local far = distance(a, n)
    if self.swap then far = torch.cmin(far, distance(p, n)) end
    return torch.relu(torch.add(torch.csub(distance(a, p), far), self.margin))
  end

  function TripletMarginLoss:updateOutput(input, ...)
    if torch.isTensor(input) then input = { input, ... } end
    return reduction.reduce(self, TripletMarginLoss._losses(self, input, function(a, b)
      local d = torch.abs(torch.add(torch.csub(a, b), self.eps))
      local shape = { table.unpack(d.shape, 1, #d.shape - 1) }
      if self.p == 2 then return torch.sqrt(torch.sum(torch.cmul(d, d), -1)):reshape(shape) end
      return torch.pow(torch.sum(torch.pow(d, self.p), -1), 1 / self.p):reshape(shape)
    end))
  end
end
