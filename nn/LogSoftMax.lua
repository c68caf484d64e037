-- LogSoftMax.lua: y_i = x_i - log sum_j exp(x_j).

return function(nn, torch)
  local LogSoftMax = torch.class("nn.LogSoftMax", "nn.Module")

  -- Over the elements of a vector, the rows of a matrix, the planes of an image (batched or not), as
  -- Torch7 does.
  local dims = { 1, 2, 1, 2 }

  function LogSoftMax:updateOutput(input)
    return nn.functional.logSoftmax(input, dims[input:dim()] or -1)
  end
end
