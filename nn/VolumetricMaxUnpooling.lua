-- VolumetricMaxUnpooling.lua: what an nn.VolumetricMaxPooling took, put back to its places.

return function(nn, torch)
  local VolumetricMaxUnpooling, parent = torch.class("nn.VolumetricMaxUnpooling", "nn.Module")

  --- nn.VolumetricMaxUnpooling(poolingModule)
  --
  -- Puts the maxima that a pooling module found back to the places where it found them, among zeros.
  --
  -- poolingModule: an nn.VolumetricMaxPooling whose windows do not overlap; it runs first
  -- Returns: a module; its input is (batch x) planes x time x height x width, of the shape of the
  --   pooling's output, its output of the shape of the pooling's input
  -- Errors: the pooling module has not run
  -- From: Torch7
  -- Example:
  --   pooling = nn.VolumetricMaxPooling(2, 2, 2)
  --   y = pooling:forward(torch.range(1, 8):view(1, 2, 2, 2))
  --   nn.VolumetricMaxUnpooling(pooling):forward(y)[1][2][2][2] --> 8.0
  function VolumetricMaxUnpooling:__init(poolingModule)
    parent.__init(self)
    local pooling = poolingModule
    if torch.typename(pooling) ~= "nn.VolumetricMaxPooling" then
      nn._arguments.fail(self, "wanted an nn.VolumetricMaxPooling, got a %s",
        torch.typename(pooling) or type(pooling))
    end
    if pooling.kT ~= pooling.dT or pooling.kH ~= pooling.dH or pooling.kW ~= pooling.dW then
      nn._arguments.fail(self, "the pooling's windows are not as far apart as they are large")
    end
    self.pooling = pooling
  end

  function VolumetricMaxUnpooling:updateOutput(input)
    local pooling = self.pooling
    self.indices = pooling.indices
    if not self.indices then nn._arguments.fail(self, "the pooling module has not run") end
    return nn._pool.unpool(torch.typename(self), 3, input, self.indices,
      { pooling.itime, pooling.iheight, pooling.iwidth })
  end

  -- The pooling module belongs to another container: clearState, apply and the like leave it alone.
  function VolumetricMaxUnpooling:namedChildren()
    return {}
  end

  function VolumetricMaxUnpooling:__tostring()
    return "nn.VolumetricMaxUnpooling associated to " .. tostring(self.pooling)
  end
end
