-- Log.lua: y = log(x), element by element.

return function(_, torch)
  local Log = torch.class("nn.Log", "nn.Module")

  --- nn.Log()
  --
  -- The natural logarithm of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.Log():forward(torch.ones(2)):sum() --> 0.0
  function Log:updateOutput(input)
    return torch.log(input)
  end
end
