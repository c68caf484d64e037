-- FocalLoss.lua: a cross-entropy that counts easy examples less.

local expect = require "nn.expect"

return function(nn, torch)
  local FocalLoss, parent = torch.class("nn.FocalLoss", "nn.Criterion")
  local reduction, NONE = nn._reduction, nn._arguments.NONE

  --- nn.FocalLoss([opts])
  -- nn.functional.focalLoss(input, target [, opts])
  --
  -- -a (1 - p)^gamma log p, where p is the probability of what is right.  With a target of the input's
  -- shape each element is a yes-or-no question, p a sigmoid, and a is alpha for yes and 1 - alpha for no;
  -- with classes p is a softmax.
  --
  -- input: tensor of scores; for classes (batch x) classes, or batch x classes x ..
  -- target: tensor of 0 and 1, of its shape; or classes, which count from 1
  -- opts: table: gamma (2); alpha, a number (none if left out), or for classes a vector of one for each;
  --   reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: Lin and others, "Focal loss for dense object detection", ICCV 2017
  -- Example:
  --   loss = nn.FocalLoss():forward(torch.zeros(2), torch.Tensor { 1, 0 })
  --   math.abs(loss - math.log(2) / 4) < 1e-6 --> true
  function FocalLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { gamma = 2, alpha = NONE })
  end

  -- x^gamma for x from 0 to 1, with a derivative at 0 that is finite.
  local function power(x, gamma)
    if gamma == 0 then return torch.onesLike(x:detach()) end
    return gamma == 2 and torch.cmul(x, x) or torch.pow(torch.clamp(x, 1e-12), gamma)
  end

  local function questions(self, x, t)
    local p = torch.sigmoid(x)
    local wrong = p + t - torch.mul(torch.cmul(p, t), 2)
    local losses = torch.cmul(power(wrong, self.gamma), nn.BCEWithLogitsLoss._losses(x, t))
    local alpha = self.alpha
    if not alpha then return losses end
    return torch.cmul(losses, torch.add(torch.mul(t, 2 * alpha - 1), 1 - alpha))
  end

  local function classes(self, x, target)
    local rows, shape = reduction.rows(x)
    local logp = nn.functional.logSoftmax(rows, 2)
    local losses = reduction.nll({ weights = nil }, logp, target, shape)
    local wrong = torch.add(torch.neg(torch.exp(torch.neg(losses))), 1)
    losses = torch.cmul(power(wrong, self.gamma), losses)
    if torch.isTensor(self.alpha) then
      local weigh = { weights = self.alpha }
      local _, factors = reduction.nll(weigh, logp:detach(), target, shape)
      losses = torch.cmul(losses, factors)
    elseif self.alpha then
      losses = torch.mul(losses, self.alpha)
    end
    return losses:reshape(shape)
  end

  function FocalLoss:updateOutput(input, target)
    local x = expect.wide(expect.input(self, "input", input))
    local alike = torch.isTensor(target) and expect.shape_text(target) == expect.shape_text(input)
    local losses
    if alike then
      losses = questions(self, x, expect.target(self, x, target))
    else
      losses = classes(self, x, target)
    end
    return reduction.reduce(self, losses, nil, input.dtype)
  end
end
