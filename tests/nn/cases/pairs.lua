-- pairs: modules of two tensors.
local torch = require "torch"
local nn = require "nn"

local function rand(...) return torch.randn(...):double() end

return {
  { "CosineSimilarity", make = function() return nn.CosineSimilarity() end,
    input = function() return { rand(3, 4), rand(3, 4) } end,
    expect = function(_, x)
      local y = torch.DoubleTensor(3)
      for i = 1, 3 do y[i] = torch.dot(x[1][i], x[2][i]) / (x[1][i]:norm() * x[2][i]:norm()) end
      return y
    end },
  { "CosineSimilarity along the first",
    make = function() return nn.CosineSimilarity { dim = 1, eps = 1e-3 } end,
    input = function() return { rand(5, 2, 1), rand(5, 1, 3) } end },
}
