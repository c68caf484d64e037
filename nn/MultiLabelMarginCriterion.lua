-- MultiLabelMarginCriterion.lua: the hinge loss of samples that have several classes.

local expect = require "nn.expect"

return function(_, torch)
  local MultiLabelMarginCriterion, parent = torch.class("nn.MultiLabelMarginCriterion", "nn.Criterion")

  --- nn.MultiLabelMarginCriterion()
  --
  -- With x the scores of a sample and y its classes, a list that ends with the first 0: the sum over the
  -- classes j in y and i not in y of max(0, 1 - x[j] + x[i]), divided by the number of classes; the mean over
  -- the batch.
  --
  -- Returns: a criterion with sizeAverage, of which false gives the sum; its input is (batch x) classes, its
  --   target of that shape too
  -- From: Torch7
  -- Example:
  --   y = torch.LongTensor { 2, 3, 0, 0 }
  --   nn.MultiLabelMarginCriterion():forward(torch.Tensor { 0, 1, 2, 0.5 }, y) --> 0.125
  function MultiLabelMarginCriterion:__init()
    parent.__init(self)
    self.sizeAverage = true
  end

  -- The loss of each row.
  function MultiLabelMarginCriterion:_losses(input, target)
    local x = expect.input(self, "input", input, 1, 2)
    target = expect.classes(self, input, target, 0, x.shape[#x.shape], x.shape)
    if #x.shape == 1 then x = x:reshape(1, x.shape[1]) end
    local rows, classes = x.shape[1], x.shape[2]
    target = target:reshape(rows, classes)
    local listed = torch.cumprod(torch.gt(target, 0):type("int64"), 2)
    target = torch.cmul(target, listed)

    -- Class 0, for the places after the end of a list, is marked in a column of its own, which is cut off.
    local marks = torch.zerosLike(x:detach()):narrow(2, 1, 1):expand(rows, classes + 1)
    local others = torch.scatter(torch.add(marks, 1), 2, torch.add(target, 1), 0):narrow(2, 2, classes)

    -- Rows x listed classes x all classes; no more listed ones than there are in the longest list.
    local longest = rows * classes > 0 and math.max(1, torch.sum(listed, 2):max()) or 0
    local all = { rows, longest, classes }
    local right = x:gather(2, torch.cmax(target, 1)):narrow(2, 1, longest)
    local wrong = x:reshape(rows, 1, classes):expand(all)
    local loss = torch.relu(torch.add(torch.csub(wrong, right:reshape(rows, longest, 1):expand(all)), 1))
    loss = torch.cmul(loss, others:reshape(rows, 1, classes):expand(all))
    local counted = listed:narrow(2, 1, longest):type(x.dtype):reshape(rows, longest, 1):expand(all)
    loss = torch.cmul(loss, counted):reshape(rows, longest * classes)
    return torch.div(torch.sum(loss, 2):reshape(rows), classes)
  end

  function MultiLabelMarginCriterion:updateOutput(input, target)
    local losses = self:_losses(input, target)
    return expect.total(losses, self.sizeAverage and losses.shape[1])
  end
end
