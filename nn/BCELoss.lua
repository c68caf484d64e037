-- BCELoss.lua: the binary cross-entropy of probabilities.

local expect = require "nn.expect"

return function(nn, torch)
  local BCELoss, parent = torch.class("nn.BCELoss", "nn.Criterion")
  local reduction, NONE = nn._reduction, nn._arguments.NONE

  --- nn.BCELoss([opts])
  -- nn.functional.binaryCrossEntropy(input, target [, opts])
  --
  -- -w (t log x + (1 - t) log(1 - x)) for each element; logarithms are not below -100.
  --
  -- input: tensor of probabilities
  -- target: tensor of probabilities, of as many elements
  -- opts: table: weight, a tensor whose shape broadcasts to the input's; reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit; the input is not from 0 to 1
  -- From: PyTorch
  -- Example:
  --   loss = nn.BCELoss():forward(torch.Tensor { 0.5, 0.5 }, torch.Tensor { 0, 1 })
  --   math.abs(loss - math.log(2)) < 1e-6 --> true
  function BCELoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { weight = NONE })
  end

  local least = math.exp(-100)

  -- log(x), -100 where that is less; without an infinite derivative there.
  local function log_of(x)
    local fine = torch.gt(x, least)
    local logs = torch.log(torch.where(fine, x, torch.onesLike(x:detach())))
    return torch.where(fine, logs, torch.fullLike(logs:detach(), -100))
  end

  BCELoss._ofProbabilities = true

  function BCELoss:updateOutput(input, target)
    local dtype = expect.input(self, "input", input).dtype
    local x = expect.wide(input)
    local t = expect.target(self, x, target)
    local plain = x:detach()
    if expect.readable(plain) and not (plain:min() >= 0 and plain:max() <= 1) then
      expect.fail(self, "input has values from %g to %g, wanted 0 to 1", plain:min(), plain:max())
    end
    local other = torch.add(torch.neg(x), 1)
    local loss = torch.neg(torch.cmul(t, log_of(x)) + torch.cmul(torch.add(torch.neg(t), 1), log_of(other)))
    if self.weights then
      loss = torch.cmul(loss, self.weights:type(loss.dtype):to(loss.device):expandAs(loss))
    end
    return reduction.reduce(self, loss, nil, dtype)
  end
end
