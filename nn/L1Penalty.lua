-- L1Penalty.lua: the input, with the gradient of its 1-norm.

return function(nn, torch)
  local L1Penalty, parent = torch.class("nn.L1Penalty", "nn.Module")
  local arguments = nn._arguments

  local penalty = torch.Function {
    name = "nn.L1Penalty",
    forward = function(ctx, x, weight, through)
      ctx.weight, ctx.through = weight, through
      ctx:saveForBackward(x)
      return x
    end,
    backward = function(ctx, g)
      local own = torch.sign(ctx:savedTensors()) * ctx.weight
      return ctx.through and own + g or own
    end,
  }

  --- nn.L1Penalty(l1weight [, sizeAverage [, provideOutput]])
  --
  -- The input; its gradient is that of l1weight sum |x|, added to the output's.  module.loss is that sum.
  --
  -- l1weight: number
  -- sizeAverage: true takes the mean of |x| instead
  -- provideOutput: false leaves the output's gradient out
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   module = nn.L1Penalty(0.5)
  --   x = torch.Tensor { -4, 2 }
  --   module:forward(x):sum(), module.loss, module:backward(x, torch.zeros(2))[1] --> -2.0 3.0 -0.5
  function L1Penalty:__init(l1weight, sizeAverage, provideOutput)
    parent.__init(self)
    self.l1weight = arguments.number(self, "l1weight", l1weight)
    self.sizeAverage = arguments.flag(self, "sizeAverage", sizeAverage)
    self.provideOutput = provideOutput == nil or arguments.flag(self, "provideOutput", provideOutput)
  end

  function L1Penalty:updateOutput(input)
    arguments.tensor(self, input)
    local weight = self.l1weight
    if self.sizeAverage then weight = weight / input:nElement() end
    self.loss = weight * torch.norm(input:detach(), 1)
    return penalty(input, weight, self.provideOutput)
  end
end
