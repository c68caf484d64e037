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

  -- Makes one of Torch7's classes that pad images, with the arguments pad_l [, pad_r [, pad_t [, pad_b]]].
  function padding.images(name, mode)
    local Padding, parent = torch.class(name, "nn.Module")

    function Padding:__init(pad_l, pad_r, pad_t, pad_b)
      parent.__init(self)
      self.pad_l = arguments.whole(self, "pad_l", pad_l)
      self.pad_r = arguments.whole(self, "pad_r", pad_r, self.pad_l)
      self.pad_t = arguments.whole(self, "pad_t", pad_t, self.pad_l)
      self.pad_b = arguments.whole(self, "pad_b", pad_b, self.pad_l)
    end

    function Padding:updateOutput(input)
      return padding.around(self, input, { self.pad_l, self.pad_r, self.pad_t, self.pad_b }, mode)
    end

    function Padding:__tostring()
      return ("%s(l=%d, r=%d, t=%d, b=%d)"):format(torch.typename(self), self.pad_l, self.pad_r,
        self.pad_t, self.pad_b)
    end
  end

  function padding.text(self)
    local text = ("%s(%s"):format(torch.typename(self), table.concat(self.padding, ", "))
    return text .. (self.value and ", value " .. self.value or "") .. ")"
  end
end
