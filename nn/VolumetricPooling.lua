-- VolumetricPooling.lua: what the classes that pool volumes share: windows, strides, padding, rounding.

return function(nn, torch)
  -- Makes a class of pooling with the arguments kT, kW, kH [, dT, dW, dH [, padT, padW, padH]].
  function nn._volumetricPooling(name)
    local Pooling, parent = torch.class(name, "nn.Module")
    Pooling.padT, Pooling.padW, Pooling.padH = 0, 0, 0 -- for files of Torch7 before it had padding

    function Pooling:__init(kT, kW, kH, dT, dW, dH, padT, padW, padH)
      parent.__init(self)
      self.kT, self.kW, self.kH = kT, kW, kH
      self.dT, self.dW, self.dH = dT or kT, dW or kW, dH or kH
      self.padT, self.padW, self.padH = padT or 0, padW or 0, padH or 0
      self.ceil_mode = false
    end

    function Pooling:ceil()
      self.ceil_mode = true
      return self
    end

    function Pooling:floor()
      self.ceil_mode = false
      return self
    end

    -- The windows in the order of the input's dimensions.
    function Pooling:_windows()
      local fn = torch.typename(self)
      local w = nn._pool.windows(fn, 3, { self.kT, self.kH, self.kW }, {
        stride = { self.dT, self.dH, self.dW }, padding = { self.padT, self.padH, self.padW },
        dilation = self.dilationT and { self.dilationT, self.dilationH, self.dilationW },
        ceilMode = self.ceil_mode,
      })
      w.countPad = self.count_include_pad
      return fn, w
    end

    function Pooling:clearState()
      if self.indices then self.indices = torch.LongTensor() end
      return parent.clearState(self)
    end

    function Pooling:__tostring()
      local text = ("%s(%dx%dx%d, %d,%d,%d"):format(torch.typename(self), self.kT, self.kW, self.kH, self.dT,
        self.dW, self.dH)
      if self.padT ~= 0 or self.padW ~= 0 or self.padH ~= 0 then
        text = text .. (", %d,%d,%d"):format(self.padT, self.padW, self.padH)
      end
      if self.dilationT then
        text = text .. (", %d,%d,%d"):format(self.dilationT, self.dilationW, self.dilationH)
      end
      return text .. ")"
    end

    return Pooling
  end
end
