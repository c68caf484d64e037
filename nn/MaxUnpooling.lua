-- MaxUnpooling.lua: what Torch7's classes share that put back what a max pooling took.

return function(nn, torch)
  local fail = nn._arguments.fail

  -- Makes a class whose argument is a pooling module of a class, with windows along the dimensions that
  -- `letters` names and sizes of the input in its fields `sizes`.
  function nn._maxUnpooling(name, poolingClass, letters, sizes)
    local Unpooling, parent = torch.class(name, "nn.Module")

    function Unpooling:__init(poolingModule)
      parent.__init(self)
      local pooling = poolingModule
      if torch.typename(pooling) ~= poolingClass then
        fail(self, "wanted an %s, got a %s", poolingClass, torch.typename(pooling) or type(pooling))
      end
      for letter in letters:gmatch "." do
        if pooling["k" .. letter] ~= pooling["d" .. letter] then
          fail(self, "the pooling's windows are not as far apart as they are large")
        end
      end
      self.pooling = pooling
    end

    function Unpooling:updateOutput(input)
      local size = {}
      for i, field in ipairs(sizes) do size[i] = self.pooling[field] end
      self.indices = self.pooling.indices
      if not self.indices then fail(self, "the pooling module has not run") end
      return nn._pool.unpool(name, #size, input, self.indices, size)
    end

    -- The pooling module belongs to another container: clearState, apply and the like leave it alone.
    function Unpooling:namedChildren()
      return {}
    end

    function Unpooling:__tostring()
      return name .. " associated to " .. tostring(self.pooling)
    end
  end
end
