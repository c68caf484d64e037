-- SpatialAutoCropMSECriterion.lua: mean squared error with the middle of a larger target.

local expect = require "nn.expect"

return function(_, torch)
  local SpatialAutoCropMSECriterion, parent = torch.class("nn.SpatialAutoCropMSECriterion", "nn.MSECriterion")

  --- nn.SpatialAutoCropMSECriterion([sizeAverage])
  --
  -- nn.MSECriterion of images with targets that may be higher and wider, of which the middle counts.
  --
  -- sizeAverage: false gives the sum
  -- Returns: a criterion; its input and target are (batch x) planes x height x width
  -- Errors: the target is lower or narrower than the input
  -- From: Torch7
  -- Example:
  --   target = torch.zeros(1, 3, 3)
  --   target[1][2][2] = 2
  --   nn.SpatialAutoCropMSECriterion():forward(torch.zeros(1, 1, 1), target) --> 4.0
  function SpatialAutoCropMSECriterion:__init(sizeAverage)
    parent.__init(self, sizeAverage)
  end

  function SpatialAutoCropMSECriterion:updateOutput(input, target)
    expect.input(self, "input", input, 3, 4)
    expect.tensor(self, "target", target)
    local n = #input.shape
    local fits = #target.shape == n
    for d = 1, fits and n or 0 do
      local have, need = target.shape[d], input.shape[d]
      fits = fits and (have == need or (d > n - 2 and have > need))
    end
    if not fits then
      expect.fail(self, "target is %s for input %s, wanted its shape, or a greater height or width",
        expect.shape_text(target), expect.shape_text(input))
    end
    for d = n - 1, n do
      local size = input.shape[d]
      if size > 0 then target = target:narrow(d, 1 + (target.shape[d] - size) // 2, size) end
    end
    return parent.updateOutput(self, input, expect.target(self, input, target))
  end
end
