-- CrossEntropyLoss.lua: the cross-entropy of scores with classes or with probabilities.

local expect = require "nn.expect"

return function(nn, torch)
  local CrossEntropyLoss, parent = torch.class("nn.CrossEntropyLoss", "nn.Criterion")
  local reduction, NONE = nn._reduction, nn._arguments.NONE

  --- nn.CrossEntropyLoss([opts])
  -- nn.functional.crossEntropy(input, target, opts)
  --
  -- -sum_c w_c t_c log softmax(x)_c, where t is 1 for the target's class and 0 for others, or what the target
  -- says.  With classes the mean is weighted by the weights of the targets, and 0 where nothing counts.
  -- Classes whose losses are not wanted one by one take one pass over memory.
  --
  -- input: tensor of scores, (batch x) classes, or batch x classes x ..
  -- target: classes, which count from 1, of the input's shape without the classes; or probabilities, of the
  --   input's shape
  -- opts: table: weight, a vector with a factor for each class; ignoreIndex, a class that does not count;
  --   reduction ("mean"), or "sum", "none"; labelSmoothing (0), which part of the target is spread evenly
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit; a class is outside the input
  -- From: PyTorch; label smoothing: Szegedy and others, "Rethinking the Inception architecture", CVPR 2016
  -- Example:
  --   loss = nn.CrossEntropyLoss({ reduction = "none" })(torch.zeros(3, 4), torch.LongTensor { 1, 4, 2 })
  --   math.abs(loss[3] - math.log(4)) < 1e-6 --> true
  function CrossEntropyLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { weight = NONE, ignoreIndex = NONE, labelSmoothing = 0 })
    expect.vector(self, self.weights)
    if not (self.labelSmoothing >= 0 and self.labelSmoothing <= 1) then
      expect.fail(self, "labelSmoothing is %g, wanted 0 to 1", self.labelSmoothing)
    end
  end

  local plain = nn.functional.crossEntropy

  local function each(self, rows, target, shape, dtype)
    local logp = nn.functional.logSoftmax(rows, 2)
    local losses = reduction.nll(self, logp, target, shape)
    local part = self.labelSmoothing
    if part > 0 then
      local spread = self.weights and torch.cmul(logp, expect.weights(self, self.weights, logp)) or logp
      spread = torch.neg(torch.sum(spread, 2):reshape(logp.shape[1]))
      if self.ignoreIndex then
        local counted = torch.ne(target:reshape(logp.shape[1]), self.ignoreIndex):type(logp.dtype)
        spread = torch.cmul(spread, counted:to(logp.device))
      end
      losses = torch.mul(losses, 1 - part) + torch.mul(spread, part / logp.shape[2])
    end
    return reduction.reduce(self, losses:reshape(shape), nil, dtype)
  end

  local function with_probabilities(self, rows, target, shape, dtype)
    local t = reduction.rows(target:type(rows.dtype):to(rows.device))
    local part = self.labelSmoothing
    if part > 0 then t = torch.add(torch.mul(t, 1 - part), part / rows.shape[2]) end
    local logp = nn.functional.logSoftmax(rows, 2)
    if self.weights then logp = torch.cmul(logp, expect.weights(self, self.weights, logp)) end
    local losses = torch.neg(torch.sum(torch.cmul(t, logp), 2):reshape(rows.shape[1]))
    if self.reduction == "none" then losses = losses:reshape(shape) end
    return reduction.reduce(self, losses, nil, dtype)
  end

  function CrossEntropyLoss:updateOutput(input, target)
    local x = expect.input(self, "input", input)
    local rows, shape = reduction.rows(expect.wide(x))
    local float = torch.isTensor(expect.labels(self, target)) and target.dtype:find "float"
    if float and expect.shape_text(target) == expect.shape_text(x) then
      return with_probabilities(self, rows, target, shape, x.dtype)
    end
    if self.reduction ~= "none" then
      if torch.isTensor(target) then
        if #shape > 0 and expect.shape_text(target) ~= table.concat(shape, "x") then
          expect.fail(self, "target is %s for input %s, wanted classes of %s, or probabilities",
            expect.shape_text(target), expect.shape_text(x), table.concat(shape, "x"))
        end
        target = target:reshape(target:nElement()):to(x.device)
      end
      local weights = self.weights and self.weights:type(rows.dtype):to(rows.device)
      local loss = plain(rows, target, weights, self.reduction == "mean", self.ignoreIndex,
        self.labelSmoothing)
      return loss.dtype == x.dtype and loss or loss:type(x.dtype)
    end
    return each(self, rows, target, shape, x.dtype)
  end
end
