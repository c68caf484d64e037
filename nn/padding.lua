-- padding.lua: what the classes share that add elements around their input.

return function(nn, torch)
  local arguments, padding = nn._arguments, {}
  nn._padding = padding

  -- A module that pads the last n dimensions; `pads` is a number, or a table of two for each of them.
  function padding.init(self, n, mode, pads, value)
    self.padding = nn._convolution.each(torch.typename(self), "padding", pads, 2 * n, nil, false)
    self.mode, self.value, self.nDim = mode, value, n
  end

  function padding.pad(self, input)
    return padding.around(self, input, self.padding, self.mode, self.value)
  end

  -- The input of a module, n dimensions and one or two in front, with pads around the n.
  function padding.around(self, input, pads, mode, value)
    local n = #pads // 2
    arguments.tensor(self, input, n + 1, n + 2)
    for i = 1, 2 * n, 2 do
      if input.shape[input:dim() - i // 2] + pads[i] + pads[i + 1] < 1 then
        arguments.fail(self, "of an input of %s nothing is left", arguments.shape(input))
      end
    end
    return nn.functional.pad(input, pads, mode, value)
  end

  function padding.text(self)
    local text = ("%s(%s"):format(torch.typename(self), table.concat(self.padding, ", "))
    return text .. (self.value and ", value " .. self.value or "") .. ")"
  end
end
