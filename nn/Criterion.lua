-- Criterion.lua: the base of all criterions: a number that says how far an output is from its target.
--
-- A built-in criterion writes only updateOutput(input, target), which gives a scalar tensor.

return function(nn, torch)
  local Criterion = torch.class("nn.Criterion")
  local tape = nn.tape
  local recorded = setmetatable({}, { __mode = "k" })

  function Criterion:__init()
    self.gradInput = torch.Tensor()
    self.output = 0
    self._type = torch.getdefaulttensortype()
  end

  local function by_hand(self)
    return self.updateGradInput ~= Criterion.updateGradInput
  end

  local function run_by_hand(self, input, target)
    local plain = tape.detach(input)
    local value = torch.noGrad(function() return self:updateOutput(plain, target) end)
    local like = tape.flatten(plain)[1]
    local output = { torch.scalar(value, like.dtype) }
    return torch._custom(tape.flatten(input), output, function(g)
      local grads = tape.flatten(self:updateGradInput(plain, target))
      for i, t in ipairs(grads) do grads[i] = torch.mul(t, g:item()) end
      return table.unpack(grads)
    end)[1]
  end

  --- criterion(output, target): a scalar tensor on the tape, from which :backward() can start.
  function Criterion:__call(input, target)
    if by_hand(self) then return run_by_hand(self, input, target) end
    return self:updateOutput(input, target)
  end

  --- Torch7's protocol: the loss as a number; backward(input, target) may follow.
  function Criterion:forward(input, target)
    if by_hand(self) then
      self.output = self:updateOutput(input, target)
      return self.output
    end
    local leaves = tape.leaves(input)
    local output = tape.record(self.updateOutput, self, leaves, target)
    recorded[self] = { leaves = leaves, output = output, calls = {} }
    self.output = output:item()
    return self.output
  end

  function Criterion:backward(input, target)
    return self:updateGradInput(input, target)
  end

  function Criterion:updateGradInput(input, target)
    if not recorded[self] then self:forward(input, target) end
    local record = recorded[self]
    self.gradInput = tape.gradients(record, torch.onesLike(record.output), {})
    return self.gradInput
  end

  function Criterion:clone()
    return torch.deserialize(torch.serialize(self))
  end

  function Criterion:type(typename)
    if not typename then return self._type end
    recorded[self] = nil
    return nn.Module.type(self, typename)
  end

  function Criterion:float() return self:type("torch.FloatTensor") end
  function Criterion:double() return self:type("torch.DoubleTensor") end

  function Criterion:__tostring()
    return torch.typename(self)
  end
end
