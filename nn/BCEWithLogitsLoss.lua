-- BCEWithLogitsLoss.lua: the binary cross-entropy of scores.

local expect = require "nn.expect"

return function(nn, torch)
  local BCEWithLogitsLoss, parent = torch.class("nn.BCEWithLogitsLoss", "nn.Criterion")
  local reduction, NONE = nn._reduction, nn._arguments.NONE

  --- nn.BCEWithLogitsLoss([opts])
  -- nn.functional.binaryCrossEntropyWithLogits(input, target [, opts])
  --
  -- -w (p t log s(x) + (1 - t) log(1 - s(x))) for each element, where s is the sigmoid function, without
  -- overflow.
  --
  -- input: tensor of scores
  -- target: tensor of probabilities, of as many elements
  -- opts: table: weight, a tensor that broadcasts to the input's shape; posWeight, one that does with the
  --   factors p; reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   loss = nn.BCEWithLogitsLoss():forward(torch.zeros(2), torch.Tensor { 0, 1 })
  --   math.abs(loss - math.log(2)) < 1e-6 --> true
  function BCEWithLogitsLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { weight = NONE, posWeight = NONE })
  end

  --- The losses of scores x with targets t; `positive` are factors for the targets' part.
  function BCEWithLogitsLoss._losses(x, t, positive)
    local other = torch.cmul(torch.add(torch.neg(t), 1), x)
    local factor = torch.add(torch.cmul(t, positive and torch.add(positive, -1) or torch.zerosLike(t)), 1)
    return other + torch.cmul(factor, torch.softplus(torch.neg(x)))
  end

  function BCEWithLogitsLoss:updateOutput(input, target)
    expect.input(self, "input", input)
    local t = expect.target(self, input, target)
    local positive = self.posWeight and self.posWeight:type(input.dtype):to(input.device):expandAs(input)
    local loss = BCEWithLogitsLoss._losses(input, t, positive)
    if self.weights then
      loss = torch.cmul(loss, self.weights:type(loss.dtype):to(loss.device):expandAs(loss))
    end
    return reduction.reduce(self, loss)
  end
end
