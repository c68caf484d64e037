-- MaskedSelect.lua: the elements of a tensor where a mask is not 0.

return function(nn, torch)
  local MaskedSelect = torch.class("nn.MaskedSelect", "nn.Module")

  --- nn.MaskedSelect()
  --
  -- The elements of a tensor at the places where a mask is not 0.
  --
  -- Returns: a module; its input is a table of a tensor and a mask with as many elements; its output is a
  --   vector
  -- Errors: it is something else
  -- From: Torch7
  -- Example:
  --   x = torch.Tensor { 1, 2, 3 }
  --   nn.MaskedSelect():forward({ x, x:gt(1) }):sum() --> 5.0
  function MaskedSelect:updateOutput(input)
    nn.tables.tensors(self, input, 2, 2)
    local x, mask = input[1], input[2]
    if x:nElement() ~= mask:nElement() then
      nn._arguments.fail(self, "a mask of %s is wanted, got %s", nn._arguments.shape(x),
        nn._arguments.shape(mask))
    end
    return x:maskedSelect(mask)
  end
end
