-- MarginRankingLoss.lua: whether of two numbers the right one is larger.

return function(nn, torch)
  local MarginRankingLoss, parent = torch.class("nn.MarginRankingLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.MarginRankingLoss([opts])
  -- nn.functional.marginRankingLoss(a, b, y [, opts])
  --
  -- max(0, margin - y (a - b)) for each element.  criterion({ a, b }, y) is the same as criterion(a, b, y).
  --
  -- a, b: tensors of one shape
  -- y: tensor of 1, where a should be larger, and -1
  -- opts: table: margin (0); reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   nn.MarginRankingLoss()(torch.zeros(2), torch.ones(2), torch.Tensor { 1, -1 }):item() --> 0.5
  function MarginRankingLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { margin = 0 })
  end

  function MarginRankingLoss:updateOutput(input, ...)
    local target = ...
    if torch.isTensor(input) then input, target = { input, (...) }, select(2, ...) end
    return reduction.reduce(self, (nn.MarginRankingCriterion._losses(self, input, target)))
  end
end
