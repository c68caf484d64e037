-- Criterion.lua: the base of all criterions: a number that says how far an output is from its target.
--
-- A built-in criterion writes only updateOutput(input, target), which gives a scalar tensor.

local raise = require("torch.caller").raise

return function(nn, torch)
  local Criterion = torch.class("nn.Criterion")
  local tape = nn.tape
  local recorded = setmetatable({}, { __mode = "k" })

  --- nn.Criterion()
  --
  -- The base of criterions: how far an output is from its target, as a number.  A class of its own writes
  -- updateOutput(input, target) with differentiable functions, giving a tensor of one element.
  --
  -- Returns: an nn.Criterion
  -- From: Torch7
  -- Example:
  --   torch.isTypeOf(nn.MSECriterion(), "nn.Criterion") --> true
  function Criterion:__init()
    self.gradInput = torch.Tensor()
    self.output = 0
    self._type = torch.getdefaulttensortype()
  end

  function Criterion:updateOutput()
    return torch.scalar(self.output, (torch._kind(self._type, false)))
  end

  local function by_hand(self)
    return self.updateGradInput ~= Criterion.updateGradInput
  end

  -- The criterion on the tape whose updateOutput is running, or true for one by hand.
  local running

  local function settle(outer, ok, ...)
    running = outer
    if not ok then error((...), 0) end
    return ...
  end

  local function run_as(who, f, ...)
    local outer = running
    running = who
    return settle(outer, pcall(f, ...))
  end

  local function wide(t) return (torch._wide(t)) end

  -- Inside of torch.autocast a loss is computed in float32.
  local function run(self, input, target, ...)
    if torch.isAutocastEnabled() then
      local given = input
      input, target = tape.map(input, wide), tape.map(target, wide)
      if self._ofProbabilities and input.dtype ~= given.dtype then
        raise("%s: probabilities in %s, inside of torch.autocast, lose what is near 0 and 1; use "
          .. "nn.BCEWithLogitsLoss on the scores", torch.typename(self), given.dtype)
      end
    end
    return run_as(by_hand(self) or self, self.updateOutput, self, input, target, ...)
  end

  Criterion._value = run -- a tensor on the tape, whoever asks

  local function run_by_hand(self, input, target)
    local plain = tape.detach(input)
    local value = torch.noGrad(run, self, plain, target)
    local like = tape.flatten(plain)[1]
    local output = { torch.scalar(value, like.dtype) }
    return torch._custom(tape.flatten(input), output, function(g)
      local grads = tape.flatten(self:updateGradInput(plain, target))
      for i, t in ipairs(grads) do grads[i] = torch.mul(t, g:item()) end
      return table.unpack(grads)
    end)[1]
  end

  local th = torch._torch7()

  function Criterion:__call(input, ...)
    if th and not torch.isGradEnabled() then
      return self:forward(input, ...), self:backward(input, ...)
    end
    local output = (by_hand(self) and run_by_hand or run)(self, input, ...)
    tape.note(self, input, output) -- for a criterion or module that has this one inside
    return output
  end

  --- criterion:forward(input, target); criterion:updateOutput(input, target)
  --
  -- The loss, which is kept in criterion.output; criterion:backward(input, target) may follow.
  -- criterion(input, target) gives it as a tensor on the tape instead, from which :backward() can start;
  -- updateOutput is what a class writes.
  --
  -- input: tensor, or table of tensors, as the class says
  -- target: tensor, as the class says
  -- Returns: a number; a tensor of the losses where criterion.reduction is "none"
  -- From: Torch7
  -- Example:
  --   nn.MSECriterion():forward(torch.zeros(2), torch.ones(2)) --> 1.0
  --   nn.MSECriterion()(torch.zeros(2):requireGrad(), torch.ones(2)).requiresGrad --> true
  function Criterion:forward(input, target, ...)
    if by_hand(self) then
      self.output = run(self, input, target)
      return self.output
    end
    return self:_record(run, input, target, ...)
  end

  function Criterion:_record(f, input, target, ...)
    local leaves = tape.leaves(input)
    local output, calls = tape.record(f, self, leaves, target, ...)
    recorded[self] = { leaves = leaves, output = output, calls = calls,
      input = tape.hold(input), target = tape.hold(target) }
    tape.keep(calls)
    self.output = self.reduction == "none" and output:detach() or output:item()
    return self.output
  end

  -- As Module._guard: a class's updateOutput gives the number when a criterion by hand or a script of Torch7
  -- calls it.
  function Criterion._guard(class)
    local plain = rawget(class, "updateOutput")
    if not plain then return end

    function class:updateOutput(...)
      if running ~= true and (running ~= nil or not th) then return plain(self, ...) end
      return self:_record(function(...) return run_as(self, plain, ...) end, ...)
    end
  end

  --- criterion:backward(input, target); criterion:updateGradInput(input, target)
  --
  -- The gradient of the loss with respect to the input, which is kept in criterion.gradInput.  For other
  -- tensors than the last forward's the loss is computed again.
  --
  -- input, target: what forward was given
  -- Returns: a tensor of the input's shape; or a table of them, like the input
  -- From: Torch7
  -- Example:
  --   nn.MSECriterion():backward(torch.ones(2), torch.zeros(2)):sum() --> 2.0
  function Criterion:backward(input, target)
    return self:updateGradInput(input, target)
  end

  function Criterion:updateGradInput(input, target)
    local record = recorded[self]
    if not record or not tape.same(record.input, input) or not tape.same(record.target, target) then
      local output = self.output
      Criterion.forward(self, input, target)
      self.output, record = output, recorded[self]
    end
    self.gradInput = tape.gradients(record, torch.onesLike(record.output), {})
    return self.gradInput
  end

  --- criterion:clone(); criterion:type([typename [, cache]]); criterion:float(); criterion:double()
  -- criterion:half(); criterion:cuda(); criterion:cudaDouble(); criterion:cudaHalf(); criterion:cpu()
  --
  -- A copy with tensors of its own; the type of its tensors, or their conversion.
  --
  -- typename: string, as "torch.DoubleTensor"
  -- cache: as for modules
  -- Returns: a criterion; type without an argument a string
  -- From: Torch7
  -- Example:
  --   nn.MSECriterion():double():type() --> torch.DoubleTensor
  function Criterion:clone() return nn.Module.clone(self) end

  function Criterion:type(...) return nn.Module.type(self, ...) end

  function Criterion:float() return self:type("torch.FloatTensor") end
  function Criterion:double() return self:type("torch.DoubleTensor") end
  function Criterion:half() return self:type("torch.HalfTensor") end
  function Criterion:cudaDouble() return self:type("torch.CudaDoubleTensor") end
  function Criterion:cudaHalf() return self:type("torch.CudaHalfTensor") end
  function Criterion:cuda() return nn.Module.cuda(self) end
  function Criterion:cpu() return nn.Module.cpu(self) end

  -- Drops what the last forward kept.
  function Criterion:_forget()
    recorded[self] = nil
  end

  function Criterion:__tostring()
    return torch.typename(self)
  end
end
