-- NLLLoss.lua: minus the log-probability of the right class.

local expect = require "nn.expect"

return function(nn, torch)
  local NLLLoss, parent = torch.class("nn.NLLLoss", "nn.Criterion")
  local reduction, NONE = nn._reduction, nn._arguments.NONE

  --- nn.NLLLoss([opts])
  -- nn.functional.nllLoss(input, target, opts)
  --
  -- Minus the log-probability of the right class, times its weight; the mean is weighted by them, and 0 where
  -- nothing counts.
  --
  -- input: tensor of log-probabilities, (batch x) classes, or batch x classes x ..
  -- target: classes, which count from 1, of the input's shape without the classes
  -- opts: table: weight, a vector with a factor for each class; ignoreIndex, a class that does not count;
  --   reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit; a class is outside the input
  -- From: PyTorch
  -- Example:
  --   logp = torch.Tensor { { -1, -2 }, { -3, -4 } }
  --   nn.NLLLoss({ reduction = "sum" }):forward(logp, torch.LongTensor { 1, 2 }) --> 5.0
  function NLLLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { weight = NONE, ignoreIndex = NONE })
    expect.vector(self, self.weights)
  end

  function NLLLoss:updateOutput(input, target)
    local x = expect.input(self, "input", input)
    local rows, shape = reduction.rows(expect.wide(x))
    local losses, w = reduction.nll(self, rows, target, shape)
    return reduction.weighted(self, losses, w, shape, x.dtype)
  end
end
