-- FractionalPooling.lua: what the classes of fractional max pooling share: the random windows.

return function(nn, torch)
  -- Makes a class whose arguments are, for each of the dimensions that `letters` names ("WH"), the size of a
  -- window, and then for each the output's size or its ratio to the input's.  `order` has the letters in the
  -- order of the input's dimensions.
  function nn._fractionalPooling(name, letters, order)
    local Pooling, parent = torch.class(name, "nn.Module")
    local n = #letters

    function Pooling:__init(...)
      parent.__init(self)
      local given, whole = { ... }, true
      for i = 1, n do
        nn._arguments.whole(self, "poolSize" .. letters:sub(i, i), given[i], nil, 2)
        local size = nn._arguments.number(self, "argument " .. n + i, given[n + i])
        whole = whole and size >= 1
      end
      self.newRandomPool = false
      for i = 1, n do
        local letter, size = letters:sub(i, i), given[n + i]
        self["poolSize" .. letter] = given[i]
        if whole then
          self["out" .. letter] = nn._arguments.whole(self, "out" .. letter, size, nil, 1)
        else
          if not (size > 0 and size < 1) then
            nn._arguments.fail(self, "the ratio is %s, wanted a number between 0 and 1", size)
          end
          self["ratio" .. letter] = size
        end
      end
    end

    -- New windows at each call, unless they are fixed.
    function Pooling:_samples(input)
      local batch, planes = 1, input:size(1)
      if #input.shape == n + 2 then batch, planes = planes, input:size(2) end
      local old = self.randomSamples
      if not (old and self.newRandomPool and old:size(1) == batch and old:size(2) == planes) then
        self.randomSamples = torch.rand(batch, planes, n):to(input.dtype)
      end
      return self.randomSamples
    end

    function Pooling:fixPoolingRegions(value)
      self.newRandomPool = value == nil or value
      return self
    end

    function Pooling:updateOutput(input)
      local fn = torch.typename(self)
      nn._pool.input(fn, input, n)
      local kernel, out, ratio, columns = {}, nil, nil, {}
      local samples = self:_samples(input)
      for d = 1, n do
        local letter = order:sub(d, d)
        kernel[d] = self["poolSize" .. letter]
        if self["out" .. letter] then
          out = out or {}
          out[d] = self["out" .. letter]
        else
          ratio = ratio or {}
          ratio[d] = self["ratio" .. letter]
        end
        columns[d] = samples:narrow(3, letters:find(letter), 1)
      end
      local output
      output, self.indices = nn._pool.fractionalMax(fn, n, input, kernel,
        nn._pool.fractionalSize(fn, input, n, out, ratio), torch.cat(columns, 3))
      return output
    end

    function Pooling:clearState()
      self.indices, self.randomSamples = nil, nil
      return parent.clearState(self)
    end

    function Pooling:__tostring()
      local sizes, windows = {}, {}
      for i = 1, n do
        local letter = letters:sub(i, i)
        sizes[i] = tostring(self["out" .. letter] or self["ratio" .. letter])
        windows[i] = tostring(self["poolSize" .. letter])
      end
      return ("%s(%s, %s)"):format(torch.typename(self), table.concat(sizes, "x"), table.concat(windows, ","))
    end

    return Pooling
  end
end
