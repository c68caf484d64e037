-- SpatialPooling.lua: what the classes that pool images share: windows, strides, padding, rounding.

return function(nn, torch)
  -- Makes a class of pooling with the arguments kW, kH [, dW [, dH [, padW [, padH]]]].
  function nn._pooling(name)
    local Pooling, parent = torch.class(name, "nn.Module")

    function Pooling:__init(kW, kH, dW, dH, padW, padH)
      parent.__init(self)
      self.kW, self.kH = kW, kH
      self.dW, self.dH = dW or kW, dH or kH
      self.padW, self.padH = padW or 0, padH or 0
      self.ceil_mode = false
    end

    -- The places of the maxima go with the output.
    function Pooling:clearState()
      if self.indices then self.indices = torch.LongTensor() end
      return parent.clearState(self)
    end

    function Pooling:ceil()
      self.ceil_mode = true
      return self
    end

    function Pooling:floor()
      self.ceil_mode = false
      return self
    end

    function Pooling:__tostring()
      local text = ("%s(%dx%d, %d,%d"):format(torch.typename(self), self.kW, self.kH, self.dW, self.dH)
      if self.padW ~= 0 or self.padH ~= 0 then
        text = text .. (", %d,%d"):format(self.padW, self.padH)
      end
      if self.dilationW then text = text .. (", %d,%d"):format(self.dilationW, self.dilationH) end
      return text .. ")"
    end

    return Pooling
  end
end
