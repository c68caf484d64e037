-- VolumetricMaxUnpooling.lua: what an nn.VolumetricMaxPooling took, put back to its places.

return function(nn)
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
  nn._maxUnpooling("nn.VolumetricMaxUnpooling", "nn.VolumetricMaxPooling", "TWH",
    { "itime", "iheight", "iwidth" })
end
