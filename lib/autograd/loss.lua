-- loss: losses of a network's raw output, with the output as a prediction.

local torch = require "torch"
local util = require "autograd.util"

local loss = {}

--- autograd.loss.logMultinomialLoss(out, target); autograd.loss.logBCELoss(out, target [, p])
-- autograd.loss.crossEntropy(out, target); autograd.loss.binaryCrossEntropy(out, target)
-- autograd.loss.leastSquares(out, target); autograd.loss.margin(out, target [, margin])
--
-- Losses, summed over all elements.  logMultinomialLoss: minus the sum of target times out, which is a
-- logarithm of probabilities; crossEntropy: the same after a log-softmax along the last dimension;
-- logBCELoss: of independent yes or no, where out (plus p) is a probability; binaryCrossEntropy: the same
-- after a sigmoid; leastSquares: squared differences; margin: how far each output whose target is 1 stays
-- below `margin` above each whose target is 0.
--
-- out: tensor
-- target: tensor of out's shape; classes one-hot
-- p: number
-- margin: number, 1 by default
-- Returns: the loss; but for the log ones the prediction: log-probabilities, probabilities, or out
-- From: torch-autograd
-- Example:
--   autograd.loss.leastSquares(torch.zeros(2), torch.ones(2)) --> 2.0 0 0 [torch.FloatTensor of size 2]
--   (autograd.loss.margin(torch.Tensor { 2, 1.5 }, torch.Tensor { 1, 0 })) --> 0.5
function loss.logMultinomialLoss(out, target)
  return -torch.sum(torch.cmul(out, target))
end

function loss.logBCELoss(out, target, p)
  if p then out = out + p end
  local yes = torch.cmul(target, torch.log(out))
  local no = torch.cmul(1 - target, torch.log(1 - out))
  return -torch.sum(yes + no)
end

function loss.crossEntropy(out, target)
  local logs = util.logSoftMax(out)
  return loss.logMultinomialLoss(logs, target), logs
end

function loss.binaryCrossEntropy(out, target)
  local tiny = 1e-6 -- keeps the logarithms finite
  local prediction = torch.sigmoid(out) * (1 - 2 * tiny) + tiny
  return loss.logBCELoss(prediction, target), prediction
end

function loss.leastSquares(out, target)
  return torch.sum(torch.pow(out - target, 2)), out
end

function loss.margin(out, target, margin)
  local high, low = out[torch.eq(target, 1)], out[torch.eq(target, 0)]
  local n, m = high:nElement(), low:nElement()
  local ahead = torch.expand(torch.reshape(high, n, 1), n, m) - torch.expand(torch.reshape(low, 1, m), n, m)
  return torch.sum(torch.cmax((margin or 1) - ahead, 0)), out
end

return loss
