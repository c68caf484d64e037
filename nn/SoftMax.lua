-- SoftMax.lua: y_i = exp(x_i) / sum_j exp(x_j).

return function(nn, torch)
  local SoftMax = torch.class("nn.SoftMax", "nn.Module")

  --- nn.SoftMax()
  --
  -- exp(x_i) / sum_j exp(x_j): positive numbers that add up to 1.
  --
  -- Returns: a module.  It goes over the elements of a vector, the rows of a matrix, the planes of an
  --   image or of a batch of images, and otherwise over the last dimension
  -- From: Torch7
  -- Example:
  --   nn.SoftMax():forward(torch.zeros(2, 4))[1][1] --> 0.25
  local dims = { 1, 2, 1, 2 }

  function SoftMax:updateOutput(input)
    nn._arguments.tensor(self, input)
    return nn.functional.softmax(input, dims[input:dim()] or -1)
  end
end
