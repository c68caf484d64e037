-- LogSigmoid.lua: y = log(1 / (1 + exp(-x))), element by element.

return function(_, torch)
  local LogSigmoid = torch.class("nn.LogSigmoid", "nn.Module")

  --- nn.LogSigmoid()
  --
  -- log(1 / (1 + exp(-x))) of each element, which is exact for large -x too.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.LogSigmoid():forward(torch.Tensor { -1000 })[1] --> -1000.0
  function LogSigmoid:updateOutput(input)
    return torch.logSigmoid(input)
  end
end
