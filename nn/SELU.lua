-- SELU.lua: y = 1.0507 x, or 1.0507 1.6733 (exp(x) - 1) below zero, element by element.

return function(nn, torch)
  local SELU = torch.class("nn.SELU", "nn.Module")

  --- nn.SELU()
  --
  -- 1.0507 x of each element, and 1.0507 times 1.6733 (exp(x) - 1) below zero, which keeps mean 0 and
  -- variance 1 from layer to layer.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Klambauer and others, "Self-normalizing neural networks", NeurIPS 2017
  -- Example:
  --   nn.SELU():forward(torch.zeros(3)):sum() --> 0.0
  function SELU:updateOutput(input)
    return nn.functional.selu(input)
  end
end
