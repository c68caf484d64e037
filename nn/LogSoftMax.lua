-- LogSoftMax.lua: y_i = x_i - log sum_j exp(x_j).

return function(nn, torch)
  local LogSoftMax = torch.class("nn.LogSoftMax", "nn.Module")

  --- nn.LogSoftMax()
  --
  -- x_i - log sum_j exp(x_j): the logarithm of nn.SoftMax, without its rounding.
  --
  -- Returns: a module.  It goes over the elements of a vector, the rows of a matrix, the planes of an
  --   image or of a batch of images, and otherwise over the last dimension
  -- From: Torch7
  -- Example:
  --   nn.LogSoftMax():forward(torch.zeros(1, 4)):exp():sum() --> 1.0
  local dims = { 1, 2, 1, 2 }

  function LogSoftMax:updateOutput(input)
    nn._arguments.tensor(self, input)
    return nn.functional.logSoftmax(input, dims[input:dim()] or -1)
  end
end
