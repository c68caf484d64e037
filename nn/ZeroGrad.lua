-- ZeroGrad.lua: the input, with a gradient of zero.

return function(nn, torch)
  local ZeroGrad = torch.class("nn.ZeroGrad", "nn.Module")

  local block = torch.Function {
    name = "nn.ZeroGrad",
    forward = function(_, x) return x end,
    backward = function(_, g) return torch.zerosLike(g) end,
  }

  --- nn.ZeroGrad()
  --
  -- The input; its gradient is zero.
  --
  -- Returns: a module; its input and output are a tensor, or nested table of tensors
  -- From: Torch7
  -- Example:
  --   module, x = nn.ZeroGrad(), torch.ones(3)
  --   module:forward(x):sum(), module:backward(x, x):sum() --> 3.0 0.0
  function ZeroGrad:updateOutput(input)
    return nn.tape.map(input, block)
  end
end
