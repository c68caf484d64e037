-- basic: layers of which PyTorch has the like, with its values.
local torch = require "torch"
local nn = require "nn"

return {
  { "Linear", make = function() return nn.Linear(4, 3) end, input = { 5, 4 }, golden = "linear" },
  { "Bilinear", make = function() return nn.Bilinear(3, 4, 2) end, input = function()
    return { torch.randn(5, 3):double(), torch.randn(5, 4):double() }
  end, golden = "bilinear", translate = function(a, b) return { a, b } end },
  { "SpatialConvolution", make = function() return nn.SpatialConvolution(2, 3, 3, 2, 2, 1, 0, 1) end,
    input = { 2, 2, 5, 6 }, golden = "conv" },
  { "BatchNormalization", make = function() return nn.BatchNormalization(3) end, input = { 6, 3 },
    golden = "batch norm" },
  { "PReLU", make = function() return nn.PReLU(3) end, input = { 2, 3, 4 }, golden = "prelu" },
  { "Sequential", make = function()
    return nn.Sequential():add(nn.Linear(4, 5)):add(nn.Tanh()):add(nn.Sequential():add(nn.Linear(5, 2)))
  end, input = { 3, 4 }, golden = "mlp" },
}
