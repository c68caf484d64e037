-- SoftMin.lua: y_i = exp(-x_i) / sum_j exp(-x_j).

return function(nn, torch)
  local SoftMin = torch.class("nn.SoftMin", "nn.Module")

  --- nn.SoftMin()
  --
  -- exp(-x_i) / sum_j exp(-x_j): nn.SoftMax of -x.
  --
  -- Returns: a module, which goes over the dimension that nn.SoftMax does
  -- From: Torch7
  -- Example:
  --   nn.SoftMin():forward(torch.zeros(2, 4))[1][1] --> 0.25
  function SoftMin:updateOutput(input)
    return nn.SoftMax.updateOutput(self, torch.neg(input))
  end
end
