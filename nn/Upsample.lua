-- Upsample.lua: PyTorch's modules that give signals, images and volumes another size.

return function(nn, torch)
  local Upsample, parent = torch.class("nn.Upsample", "nn.Module")
  local NONE = nn._arguments.NONE
  nn._pool.text(Upsample, { "size", "scaleFactor", "mode", "alignCorners" })

  --- nn.Upsample(opts)
  --
  -- nn.functional.interpolate as a module.
  --
  -- opts: table of either size (the new sizes) or scaleFactor (a factor for them), each a number or a table,
  --   as {height, width}; mode ("nearest" by default); alignCorners
  -- Returns: a module; its input is batch x planes x one, two or three sizes
  -- Errors: the mode does not fit the number of sizes
  -- From: PyTorch
  -- Example:
  --   nn.Upsample({ scaleFactor = 2 }):forward(torch.ones(1, 1, 2, 2)):sum() --> 16.0
  function Upsample:__init(opts)
    parent.__init(self)
    local settings = nn._arguments.options(self, opts,
      { size = NONE, scaleFactor = NONE, mode = "nearest", alignCorners = NONE })
    if (settings.size == nil) == (settings.scaleFactor == nil) then
      nn._arguments.fail(self, "wanted either size or scaleFactor")
    end
    for name, value in pairs(settings) do self[name] = value end
  end

  function Upsample:updateOutput(input)
    return nn.functional.interpolate(input, {
      size = self.size, scaleFactor = self.scaleFactor, mode = self.mode, alignCorners = self.alignCorners,
    })
  end

  --- nn.UpsamplingNearest2d(opts); nn.UpsamplingBilinear2d(opts)
  --
  -- nn.Upsample for images: by the mode "nearest", or by "bilinear" with corners that stay where they are.
  --
  -- opts: table of either size (the new sizes) or scaleFactor (a factor for them), each a number or a table,
  --   as {height, width}
  -- Returns: a module; its input is batch x planes x height x width
  -- From: PyTorch
  -- Example:
  --   nn.UpsamplingNearest2d({ size = 3 }):forward(torch.ones(1, 1, 2, 2)):sum() --> 9.0
  --   nn.UpsamplingBilinear2d({ scaleFactor = 2 }):forward(torch.ones(1, 1, 2, 2)):sum() --> 16.0
  local function of_images(name, mode, align)
    local Upsampling = torch.class(name, "nn.Upsample")

    function Upsampling:__init(opts)
      local settings = nn._arguments.options(self, opts, { size = NONE, scaleFactor = NONE })
      settings.mode, settings.alignCorners = mode, align
      Upsample.__init(self, settings)
    end

    function Upsampling:updateOutput(input)
      nn._arguments.tensor(self, input, 4, 4)
      return Upsample.updateOutput(self, input)
    end
  end

  of_images("nn.UpsamplingNearest2d", "nearest")
  of_images("nn.UpsamplingBilinear2d", "bilinear", true)
end
