-- PoissonNLLLoss.lua: minus the logarithm of Poisson probabilities.

local expect = require "nn.expect"

return function(nn, torch)
  local PoissonNLLLoss, parent = torch.class("nn.PoissonNLLLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.PoissonNLLLoss([opts])
  -- nn.functional.poissonNllLoss(input, target [, opts])
  --
  -- exp(x) - t x for each element, or with logInput = false x - t log(x + eps).  `full` adds Stirling's
  -- formula for log t!, t log t - t + log(2 pi t) / 2, where t is above 1.
  --
  -- input: tensor of rates, or of their logarithms
  -- target: tensor of counts, of as many elements
  -- opts: table: logInput (true), full (false), eps (1e-8); reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   nn.PoissonNLLLoss():forward(torch.zeros(2), torch.Tensor { 1, 3 }) --> 1.0
  function PoissonNLLLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { logInput = true, full = false, eps = 1e-8 })
  end

  function PoissonNLLLoss:updateOutput(input, target)
    expect.input(self, "input", input)
    local t = expect.target(self, input, target)
    local losses
    if self.logInput then
      losses = torch.csub(torch.exp(input), torch.cmul(t, input))
    else
      losses = torch.csub(input, torch.cmul(t, torch.log(torch.add(input, self.eps))))
    end
    if self.full then
      local above = torch.gt(t, 1)
      local n = torch.where(above, t, torch.onesLike(t))
      local logs = torch.cmul(n, torch.log(n)) - n + torch.mul(torch.log(torch.mul(n, 2 * math.pi)), 0.5)
      losses = losses + torch.where(above, logs, torch.zerosLike(t))
    end
    return reduction.reduce(self, losses)
  end
end
