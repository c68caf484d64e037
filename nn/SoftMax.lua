-- SoftMax.lua: y_i = exp(x_i) / sum_j exp(x_j).

return function(nn, torch)
  local SoftMax = torch.class("nn.SoftMax", "nn.Module")

  -- Over the elements of a vector, the rows of a matrix, the planes of an image (batched or not), as
  -- Torch7 does.
  local dims = { 1, 2, 1, 2 }

  function SoftMax:updateOutput(input)
    return nn.functional.softmax(input, dims[input:dim()] or -1)
  end
end
