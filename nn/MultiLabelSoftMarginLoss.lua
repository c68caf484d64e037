-- MultiLabelSoftMarginLoss.lua: the cross-entropies of many yes-or-no questions.

local expect = require "nn.expect"

return function(nn, torch)
  local MultiLabelSoftMarginLoss, parent = torch.class("nn.MultiLabelSoftMarginLoss", "nn.Criterion")
  local reduction, NONE = nn._reduction, nn._arguments.NONE

  --- nn.MultiLabelSoftMarginLoss([opts])
  -- nn.functional.multilabelSoftMarginLoss(input, target [, opts])
  --
  -- The mean over the classes of -w (t log s(x) + (1 - t) log(1 - s(x))), where s is the sigmoid function,
  -- for each row.
  --
  -- input: tensor of scores, .. x classes
  -- target: tensor of 0 and 1, of its shape
  -- opts: table: weight, a vector with a factor for each class; reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   loss = nn.MultiLabelSoftMarginLoss():forward(torch.zeros(1, 3), torch.ones(1, 3))
  --   math.abs(loss - math.log(2)) < 1e-6 --> true
  function MultiLabelSoftMarginLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { weight = NONE })
    expect.vector(self, self.weights)
  end

  function MultiLabelSoftMarginLoss:updateOutput(input, target)
    local losses = nn.MultiLabelSoftMarginCriterion._losses(self, input, target)
    local shape = { table.unpack(losses.shape, 1, #losses.shape - 1) }
    return reduction.reduce(self, torch.mean(losses, #losses.shape):reshape(shape))
  end
end
