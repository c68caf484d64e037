-- InfoNCELoss.lua: whether each query finds its own key among all.

local expect = require "nn.expect"

return function(nn, torch)
  local InfoNCELoss, parent = torch.class("nn.InfoNCELoss", "nn.Criterion")
  local reduction, NONE = nn._reduction, nn._arguments.NONE

  --- nn.InfoNCELoss([opts])
  -- nn.functional.infoNceLoss(query, key [, opts])
  --
  -- The cross-entropy of softmax(cos(query, keys) / temperature) with the query's own key, the one of its
  -- row; the keys of the other rows, and `negatives` if there are any, are wrong ones.  `symmetric` takes
  -- the mean with that of each key among the queries, as CLIP does.  criterion({ query, key }) is the same
  -- as criterion(query, key).
  --
  -- query, key: matrices of one shape, batch x n
  -- opts: table: temperature (0.1); symmetric (false); negatives, a matrix m x n; normalize (true), false
  --   takes products as they are; reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: van den Oord and others, "Representation learning with contrastive predictive coding", 2018;
  --   Radford and others, "Learning transferable visual models from natural language supervision", ICML
  --   2021
  -- Example:
  --   x = torch.eye(3)
  --   nn.InfoNCELoss({ temperature = 0.01 })(x, x):item() < 1e-6 --> true
  function InfoNCELoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts,
      { temperature = 0.1, symmetric = false, negatives = NONE, normalize = true })
    if self.temperature <= 0 then
      expect.fail(self, "temperature is %g, wanted more than 0", self.temperature)
    end
  end

  local function unit(x)
    local norms = torch.sqrt(torch.clamp(torch.sum(torch.cmul(x, x), 2), 1e-24))
    return torch.cdiv(x, norms:expandAs(x))
  end

  function InfoNCELoss:updateOutput(input, key)
    local q, k = expect.pair(self, torch.isTensor(input) and { input, key } or input, 2, 2)
    local others = self.negatives
    if self.normalize then q, k = unit(q), unit(k) end
    local own = torch.range(1, q.shape[1]):long():to(q.device)
    local each = { reduction = "none", labelSmoothing = 0 }
    local scores = torch.div(torch.mm(q, k:t()), self.temperature)
    local all = scores
    if others then
      others = self.normalize and unit(others) or others
      all = torch.cat(scores, torch.div(torch.mm(q, others:t()), self.temperature), 2)
    end
    local losses = nn.functional.crossEntropy(all, own, each)
    if self.symmetric then
      losses = torch.mul(losses + nn.functional.crossEntropy(scores:t(), own, each), 0.5)
    end
    return reduction.reduce(self, losses)
  end
end
