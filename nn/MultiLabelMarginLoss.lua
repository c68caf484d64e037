-- MultiLabelMarginLoss.lua: hinges between right classes and the others.

return function(nn, torch)
  local MultiLabelMarginLoss, parent = torch.class("nn.MultiLabelMarginLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.MultiLabelMarginLoss([opts])
  -- nn.functional.multilabelMarginLoss(input, target [, opts])
  --
  -- The sum of max(0, 1 - x_t + x_i) over the target's classes t and the others i, divided by the number of
  -- classes, for each row.
  --
  -- input: tensor of scores, (batch x) classes
  -- target: tensor of the input's shape: in each row the classes, which count from 1, and 0 behind the last
  -- opts: table: reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch, where classes count from 0 and -1 ends them
  -- Example:
  --   nn.MultiLabelMarginLoss():forward(torch.zeros(3), torch.LongTensor { 2, 0, 0 }) - 2 / 3 < 1e-6 --> true
  function MultiLabelMarginLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, {})
  end

  function MultiLabelMarginLoss:updateOutput(input, target)
    local losses = nn.MultiLabelMarginCriterion._losses(self, input, target)
    if self.reduction == "none" and #input.shape == 1 then losses = losses:reshape({}) end
    return reduction.reduce(self, losses)
  end
end
