-- CTCLoss.lua: connectionist temporal classification.

local expect = require "nn.expect"

return function(nn, torch)
  local CTCLoss, parent = torch.class("nn.CTCLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.CTCLoss([opts])
  -- nn.functional.ctcLoss(logProbs, targets, inputLengths, targetLengths [, opts])
  --
  -- Minus the logarithm of the probability that a sequence, with blanks and repetitions left out, is the
  -- target; the mean is over losses divided by their targets' lengths.  The gradient has no derivative of
  -- its own. criterion(logProbs, { targets, inputLengths, targetLengths }) is the same as with four
  -- arguments.  Give it what nn.functional.logSoftmax gives.
  --
  -- logProbs: tensor of log-probabilities, steps (x batch) x classes
  -- targets: tensor of classes from 1, batch x longest, or all targets in one row
  -- inputLengths, targetLengths: tensors or tables, how many steps and classes of each count
  -- opts: table: blank (1), the class that stands for none, counted from 1; zeroInfinity (false), which has
  --   losses count as 0 where no way leads to the target; reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: Graves and others, "Connectionist temporal classification", ICML 2006, as in PyTorch, where
  --   classes count from 0
  -- Example:
  --   logp = nn.functional.logSoftmax(torch.zeros(2, 1, 2), 3)
  --   loss = nn.CTCLoss()(logp, torch.LongTensor { { 2 } }, { 2 }, { 1 }):item()
  --   math.abs(loss + math.log(3 / 4)) < 1e-6 --> true
  function CTCLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { blank = 1, zeroInfinity = false })
    if math.type(self.blank) ~= "integer" or self.blank < 1 then
      expect.fail(self, "blank is %s, wanted a class, from 1", tostring(self.blank))
    end
  end

  local function lengths(self, what, v, n)
    if math.type(v) then v = { v } end
    if type(v) == "table" and not torch.isTensor(v) then v = torch.LongTensor(v) end
    expect.tensor(self, what, v)
    if v:nElement() ~= n then expect.fail(self, "%s are %d, wanted %d", what, v:nElement(), n) end
    return v:detach():cpu():long():reshape(n)
  end

  -- Targets in one row as a matrix, which zeros fill.
  local function padded(self, row, sizes)
    local n = sizes:nElement()
    local total = n > 0 and sizes:sum() or 0
    if total ~= row:nElement() or (n > 0 and sizes:min() < 0) then
      expect.fail(self, "targets are %d in a row, wanted the sum of their lengths, %d", row:nElement(), total)
    end
    local longest = n > 0 and sizes:max() or 0
    local matrix, at = torch.zeros(n, longest):long(), 1
    for i = 1, n do
      local size = sizes[i]
      if size > 0 then matrix[i]:narrow(1, 1, size):copy(row:narrow(1, at, size)) end
      at = at + size
    end
    return matrix
  end

  function CTCLoss:updateOutput(input, targets, steps, sizes)
    if type(targets) == "table" and not torch.isTensor(targets) then
      targets, steps, sizes = table.unpack(targets, 1, 3)
    end
    local x = expect.input(self, "input", input, 2, 3)
    local single = #x.shape == 2
    if single then x = x:reshape(x.shape[1], 1, x.shape[2]) end
    local n = x.shape[2]
    steps, sizes = lengths(self, "inputLengths", steps, n), lengths(self, "targetLengths", sizes, n)
    targets = expect.tensor(self, "targets", targets):detach():cpu():long()
    if single then targets = targets:reshape(1, targets:nElement()) end
    if #targets.shape == 1 then targets = padded(self, targets, sizes) end
    local losses = nn.functional._ctc(x, targets - 1, steps, sizes, self.blank, self.zeroInfinity)
    if self.reduction == "mean" then
      losses = torch.cdiv(losses, torch.cmax(sizes, 1):type(losses.dtype):to(losses.device))
    elseif single and self.reduction == "none" then
      losses = losses:reshape({})
    end
    return reduction.reduce(self, losses)
  end
end
