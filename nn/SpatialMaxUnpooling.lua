-- SpatialMaxUnpooling.lua: what an nn.SpatialMaxPooling took, put back to its places.

return function(nn, torch)
  local SpatialMaxUnpooling, parent = torch.class("nn.SpatialMaxUnpooling", "nn.Module")

  --- nn.SpatialMaxUnpooling(poolingModule)
  --
  -- Puts the maxima that a pooling module found back to the places where it found them, among zeros.
  --
  -- poolingModule: an nn.SpatialMaxPooling whose windows do not overlap; it runs first
  -- Returns: a module; its input is (batch x) planes x height x width, of the pooling's output's shape, its
  --   output of the shape of the pooling's input
  -- Errors: the pooling module has not run
  -- From: Torch7
  -- Example:
  --   pooling = nn.SpatialMaxPooling(2, 2)
  --   y = pooling:forward(torch.range(1, 4):view(1, 2, 2))
  --   nn.SpatialMaxUnpooling(pooling):forward(y)[1][2][2] --> 4.0
  function SpatialMaxUnpooling:__init(poolingModule)
    parent.__init(self)
    local pooling = poolingModule
    if torch.typename(pooling) ~= "nn.SpatialMaxPooling" then
      nn._arguments.fail(self, "wanted an nn.SpatialMaxPooling, got a %s",
        torch.typename(pooling) or type(pooling))
    end
    if pooling.kH ~= pooling.dH or pooling.kW ~= pooling.dW then
      nn._arguments.fail(self, "the pooling's windows are not as far apart as they are large")
    end
    self.pooling = pooling
  end

  function SpatialMaxUnpooling:updateOutput(input)
    local pooling = self.pooling
    self.indices = pooling.indices
    if not self.indices then nn._arguments.fail(self, "the pooling module has not run") end
    return nn._pool.unpool(torch.typename(self), 2, input, self.indices,
      { pooling.iheight, pooling.iwidth })
  end

  -- The pooling module belongs to another container: clearState, apply and the like leave it alone.
  function SpatialMaxUnpooling:namedChildren()
    return {}
  end

  function SpatialMaxUnpooling:__tostring()
    return "nn.SpatialMaxUnpooling associated to " .. tostring(self.pooling)
  end
end
