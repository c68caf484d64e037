-- GaussianNLLLoss.lua: minus the logarithm of a normal density.

local expect = require "nn.expect"

return function(nn, torch)
  local GaussianNLLLoss, parent = torch.class("nn.GaussianNLLLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.GaussianNLLLoss([opts])
  -- nn.functional.gaussianNllLoss(input, target, variance [, opts])
  --
  -- (log v + (x - t)^2 / v) / 2 for each element, where v is the variance, or eps where that is more.
  -- `full` adds log(2 pi) / 2.  criterion({ input, variance }, target) is the same as criterion(input,
  -- target, variance).
  --
  -- input: tensor of means
  -- target: tensor of as many elements
  -- variance: tensor of the input's shape, of one that broadcasts to it, or of its shape without the last
  --   dimension
  -- opts: table: full (false), eps (1e-6); reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: Nix and Weigend, "Estimating the mean and variance of the target probability distribution", 1994,
  --   as in PyTorch
  -- Example:
  --   nn.GaussianNLLLoss()(torch.zeros(2), torch.Tensor { 1, 3 }, torch.ones(2)):item() --> 2.5
  function GaussianNLLLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { full = false, eps = 1e-6 })
  end

  function GaussianNLLLoss:updateOutput(input, target, variance)
    if type(input) == "table" and not torch.isTensor(input) then input, variance = table.unpack(input) end
    expect.input(self, "input", input)
    expect.input(self, "variance", variance)
    local t = expect.target(self, input, target)
    if #variance.shape == #input.shape - 1 then variance = torch.unsqueeze(variance, #input.shape) end
    if expect.readable(variance) and variance:detach():min() < 0 then
      expect.fail(self, "variance has %g, wanted 0 at least", variance:detach():min())
    end
    local raised = variance + (torch.clamp(variance:detach(), self.eps) - variance:detach())
    local v = raised:expandAs(input)
    local d = torch.csub(input, t)
    local losses = torch.mul(torch.log(v) + torch.cdiv(torch.cmul(d, d), v), 0.5)
    if self.full then losses = torch.add(losses, 0.5 * math.log(2 * math.pi)) end
    return reduction.reduce(self, losses)
  end
end
