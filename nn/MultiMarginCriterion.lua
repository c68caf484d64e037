-- MultiMarginCriterion.lua: the hinge loss of many classes.

local expect = require "nn.expect"

return function(_, torch)
  local MultiMarginCriterion, parent = torch.class("nn.MultiMarginCriterion", "nn.Criterion")

  --- nn.MultiMarginCriterion([p [, weights [, margin]]])
  --
  -- With x the scores of a sample and y its class: the sum over the other classes i of
  -- max(0, margin - x[y] + x[i])^p, times weights[y], divided by the number of classes; the mean over the
  -- batch.
  --
  -- p: 1 (the default) or 2
  -- weights: vector with a factor for each class
  -- margin: number, 1 by default
  -- Returns: a criterion with p, weights, margin and sizeAverage, of which false gives the sum; its input is
  --   (batch x) classes, its target the classes, which count from 1
  -- From: Torch7
  -- Example:
  --   nn.MultiMarginCriterion():forward(torch.Tensor { 0, 1, 3 }, 2) --> 1.0
  function MultiMarginCriterion:__init(p, weights, margin)
    parent.__init(self)
    if p ~= nil and p ~= 1 and p ~= 2 then expect.fail(self, "p is %s, wanted 1 or 2", tostring(p)) end
    self.p = p or 1
    self.margin = expect.number(self, "margin", margin, 1)
    self.sizeAverage = true
    self.weights = expect.vector(self, weights)
  end

  -- The loss of each row.
  function MultiMarginCriterion:_losses(input, target)
    local x = expect.input(self, "input", input, 1, 2)
    if #x.shape == 1 then x = x:reshape(1, x.shape[1]) end
    local rows, classes = x.shape[1], x.shape[2]
    target = expect.classes(self, input, target, 1, classes, { rows }):reshape(rows, 1)
    local right = x:gather(2, target):expandAs(x)
    local loss = torch.relu(torch.add(torch.csub(x, right), self.margin))
    if self.p == 2 then loss = torch.cmul(loss, loss) end
    if self.weights then
      local weights = expect.weights(self, self.weights, x)
      loss = torch.cmul(loss, weights:gather(2, target):expandAs(x))
    end
    local others = torch.scatter(torch.onesLike(x:detach()), 2, target, 0)
    return torch.div(torch.sum(torch.cmul(loss, others), 2):reshape(rows), classes)
  end

  function MultiMarginCriterion:updateOutput(input, target)
    local losses = self:_losses(input, target)
    return expect.total(losses, self.sizeAverage and losses.shape[1])
  end
end
