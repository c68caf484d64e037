-- SiLU.lua: y = x sigmoid(x), element by element.

return function(nn, torch)
  local SiLU = torch.class("nn.SiLU", "nn.Module")

  --- nn.SiLU(); nn.Swish()
  --
  -- x sigmoid(x) of each element.  nn.Swish is another name of it.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Elfwing, Uchibe and Doya, 2017; Ramachandran, Zoph and Le, "Searching for activation functions",
  --   2017
  -- Example:
  --   nn.SiLU():forward(torch.Tensor { 0, 100 }):sum() --> 100.0
  function SiLU:updateOutput(input)
    return nn.functional.silu(input)
  end

  nn.Swish = nn.SiLU
end
