-- SpatialMaxUnpooling.lua: what an nn.SpatialMaxPooling took, put back to its places.

return function(nn)
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
  nn._maxUnpooling("nn.SpatialMaxUnpooling", "nn.SpatialMaxPooling", "WH", { "iheight", "iwidth" })
end
