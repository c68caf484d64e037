-- UpSampling.lua: larger images and volumes, by repeated places or lines between them.

return function(nn, torch)
  local UpSampling, parent = torch.class("nn.UpSampling", "nn.Module")
  local linear = { linear = true, bilinear = true, trilinear = true }

  --- nn.UpSampling(scale [, mode]); nn.UpSampling({ owidth = w, oheight = h [, odepth = d] }, "linear")
  --
  -- Another size for images or volumes.
  --
  -- scale: whole number of at least 1 by which all sizes grow
  -- mode: "nearest" (by default) repeats places; "linear", "bilinear" or "trilinear" interpolate, and the
  --   corners stay where they are
  -- owidth, oheight, odepth: the new sizes; odepth for volumes
  -- Returns: a module; its input is batch x planes x (depth x) height x width
  -- From: Torch7
  -- Example:
  --   nn.UpSampling(2):forward(torch.ones(1, 1, 2, 2)):sum() --> 16.0
  function UpSampling:__init(params, mode)
    parent.__init(self)
    local whole = nn._arguments.whole
    self.mode = linear[mode] and "linear" or "nearest"
    if type(params) == "table" then
      if self.mode == "nearest" then nn._arguments.fail(self, "mode 'nearest' wants a scale") end
      self.owidth = whole(self, "owidth", params.owidth, nil, 1)
      self.oheight = whole(self, "oheight", params.oheight, nil, 1)
      self.odepth = params.odepth and whole(self, "odepth", params.odepth, nil, 1)
    else
      self.scale_factor = whole(self, "scale", params, nil, 1)
    end
  end

  function UpSampling:updateOutput(input)
    nn._arguments.tensor(self, input, 4, 5)
    local sizes = { self.oheight, self.owidth }
    if self.scale_factor then
      for d = 3, input:dim() do sizes[d - 2] = input:size(d) * self.scale_factor end
    elseif input:dim() == 5 then
      if not self.odepth then nn._arguments.fail(self, "a volume's odepth is missing") end
      table.insert(sizes, 1, self.odepth)
    end
    return nn._pool.resize(input, sizes, self.mode, self.mode == "linear")
  end

  function UpSampling:__tostring()
    local name = torch.typename(self)
    if self.scale_factor then return ("%s(%dx, %s)"):format(name, self.scale_factor, self.mode) end
    local sizes = ("%dx%d"):format(self.oheight, self.owidth)
    if self.odepth then sizes = ("%dx%s"):format(self.odepth, sizes) end
    return ("%s(%s, %s)"):format(name, sizes, self.mode)
  end
end
