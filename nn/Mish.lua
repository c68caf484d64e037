-- Mish.lua: y = x tanh(softplus(x)), element by element.

return function(nn, torch)
  local Mish = torch.class("nn.Mish", "nn.Module")

  --- nn.Mish()
  --
  -- x tanh(log(1 + exp(x))) of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Misra, "Mish", 2019
  -- Example:
  --   nn.Mish():forward(torch.Tensor { 0, 100 }):sum() --> 100.0
  function Mish:updateOutput(input)
    return nn.functional.mish(input)
  end
end
