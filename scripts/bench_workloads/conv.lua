-- conv.lua: conv.*: convolution, pooling and batch normalisation, forward (_fw), and forward with
-- backward (_fwbw).
--
-- The bytes are of x read, y written, weights read; with gradients also of x, dy and the weights read again,
-- dx and dw written.

local torch = require "torch"
local F = require "nn.functional"
local numbers = require "bench_workloads.numbers"

local U = numbers.U

-- name, shape of x, shape of w, stride, padding, groups
local convolutions = {
  { "lenet", { 64, 1, 28, 28 }, { 20, 1, 5, 5 }, 1, 0, 1 },
  { "vgg3x3", { 8, 64, 56, 56 }, { 64, 64, 3, 3 }, 1, 1, 1 },
  { "resnet1x1", { 16, 256, 28, 28 }, { 64, 256, 1, 1 }, 1, 0, 1 },
  { "strided", { 8, 64, 56, 56 }, { 128, 64, 3, 3 }, 2, 1, 1 },
  { "depthwise", { 16, 128, 28, 28 }, { 128, 1, 3, 3 }, 1, 1, 128 },
}

return function(workloads)
  -- make() gives the function to time and the tensors that want a gradient; x, y, w have so many elements.
  local function pair(name, flop, x, y, w, make)
    workloads.add(("conv.%s_fw"):format(name), { flop = flop, bytes = 4 * (x + y + w), build = function()
      return (make())
    end })
    workloads.add(("conv.%s_fwbw"):format(name), { flop = flop and 3 * flop,
      bytes = 4 * (3 * x + 2 * y + 3 * w), build = function()
        local f, params = make()
        return workloads.backward(f, params, U(4, table.unpack(f().shape)))
      end })
  end

  for _, layer in ipairs(convolutions) do
    local name, xs, ws, stride, pad, groups = table.unpack(layer)
    local out = (xs[3] + 2 * pad - ws[3]) // stride + 1
    local weights, places = ws[1] * ws[2] * ws[3] * ws[4], xs[1] * out * out
    pair(name, 2 * places * weights, xs[1] * xs[2] * xs[3] * xs[4], places * ws[1], weights, function()
      local x, w, b = U(1, table.unpack(xs)), U(2, table.unpack(ws)), U(3, ws[1])
      return function() return F.conv2d(x, w, b, stride, stride, pad, pad, 1, 1, groups) end, { x, w, b }
    end)
  end

  local x_size, y_size, w_size = 16 * 256 * 16 ^ 2, 16 * 128 * 32 ^ 2, 256 * 128 * 4 ^ 2
  pair("transpose4x4", 2 * 16 * 16 ^ 2 * w_size, x_size, y_size, w_size, function()
    local x, w, b = U(1, 16, 256, 16, 16), U(2, 256, 128, 4, 4), U(3, 128)
    return function() return F.convTranspose2d(x, w, b, 2, 1) end, { x, w, b }
  end)
  local n = 16 * 64 * 56 ^ 2
  pair("maxpool", nil, n, n / 4, 0, function()
    local x = U(1, 16, 64, 56, 56)
    return function() return (F.maxPool2d(x, 2, 2, 2, 2)) end, { x }
  end)
  pair("avgpool", nil, n, n / 4, 0, function()
    local x = U(1, 16, 64, 56, 56)
    return function() return F.avgPool2d(x, 2, 2, 2, 2) end, { x }
  end)
  pair("batchnorm", nil, n, n, 0, function()
    local x, w, b = U(1, 16, 64, 56, 56), U(2, 64), U(3, 64)
    local mean, var = numbers.zeros(64), numbers.on_device(torch.ones(64))
    return function() return F.batchNorm(x, w, b, mean, var, true, 0.1, 1e-5) end, { x, w, b }
  end)
end
