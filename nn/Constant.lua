-- Constant.lua: the same output whatever the input.

return function(nn, torch)
  local Constant, parent = torch.class("nn.Constant", "nn.Module")
  local arguments = nn._arguments

  local constant = torch.Function {
    name = "nn.Constant",
    forward = function(ctx, x, value)
      ctx.like = x:detach()
      return value
    end,
    backward = function(ctx) return torch.zerosLike(ctx.like) end,
  }

  --- nn.Constant(value [, nInputDim])
  --
  -- The same output for every input; the input's gradient is zero.
  --
  -- value: number or tensor
  -- nInputDim: how many dimensions a sample has; where the input has more, its first is the batch, and
  --   the value comes once for each sample
  -- Returns: a module
  -- From: Torch7
  -- Example:
  --   nn.Constant(7, 1):forward(torch.ones(4, 3)):sum() --> 28.0
  function Constant:__init(value, nInputDim)
    parent.__init(self)
    if not torch.isTensor(value) then value = torch.Tensor { arguments.number(self, "value", value) } end
    self.value = value
    self.nInputDim = nInputDim and arguments.whole(self, "nInputDim", nInputDim, nil, 0)
  end

  function Constant:updateOutput(input)
    arguments.tensor(self, input)
    local value = self.value
    if self.nInputDim and input:dim() > self.nInputDim then
      local shape = value.shape
      table.insert(shape, 1, input:size(1))
      value = torch.unsqueeze(value, 1):expand(torch.LongStorage(shape))
    end
    return constant(input, value:contiguous())
  end
end
