-- KLDivLoss.lua: how far a distribution is from another.

local expect = require "nn.expect"

return function(nn, torch)
  local KLDivLoss, parent = torch.class("nn.KLDivLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.KLDivLoss([opts])
  -- nn.functional.klDiv(input, target [, opts])
  --
  -- t (log t - x) for each element, where the input x is a logarithm; 0 where t is 0.
  --
  -- input: tensor of log-probabilities
  -- target: tensor of probabilities of its shape
  -- opts: table: logTarget (false), which says that the target is of logarithms too; reduction ("mean",
  --   over all elements), or "batchmean", "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   loss = nn.KLDivLoss({ reduction = "sum" }):forward(torch.zeros(2), torch.ones(2))
  --   loss --> 0.0
  function KLDivLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { logTarget = false, batchmean = true })
  end

  function KLDivLoss:updateOutput(input, target)
    local losses
    if self.logTarget then
      expect.input(self, "input", input)
      local t = expect.target(self, input, target)
      losses = torch.cmul(torch.exp(t), torch.csub(t, input))
    else
      losses = nn.DistKLDivCriterion._losses(self, input, target)
    end
    return reduction.reduce(self, losses, self.reduction == "batchmean" and input.shape[1])
  end
end
