-- DiceLoss.lua: how little two masks overlap.

local expect = require "nn.expect"

return function(nn, torch)
  local DiceLoss, parent = torch.class("nn.DiceLoss", "nn.Criterion")
  local reduction = nn._reduction

  --- nn.DiceLoss([opts])
  -- nn.functional.diceLoss(input, target [, opts])
  --
  -- 1 - (2 sum x t + smooth) / (sum x + sum t + smooth) for each example, the sums over all its elements;
  -- `squared` has the squares of x and t below the line.
  --
  -- input: tensor of probabilities, batch x ..
  -- target: tensor of 0 to 1, of as many elements
  -- opts: table: smooth (1), squared (false); reduction ("mean"), or "sum", "none"
  -- Returns: a criterion; the function: a tensor
  -- Errors: the shapes do not fit
  -- From: Milletari and others, "V-Net", 3DV 2016
  -- Example:
  --   nn.DiceLoss():forward(torch.ones(1, 4), torch.ones(1, 4)) --> 0.0
  function DiceLoss:__init(opts)
    parent.__init(self)
    reduction.options(self, opts, { smooth = 1, squared = false })
  end

  function DiceLoss:updateOutput(input, target)
    local dtype = expect.input(self, "input", input).dtype
    if #input.shape < 1 then expect.fail(self, "input has no dimensions, wanted a batch") end
    local x = expect.wide(input)
    local t = expect.target(self, x, target)
    local n = x.shape[1]
    local each = n > 0 and x:nElement() // n or 0
    x, t = x:reshape(n, each), t:reshape(n, each)
    local function total(y) return torch.sum(y, 2):reshape(n) end
    local above = torch.add(torch.mul(total(torch.cmul(x, t)), 2), self.smooth)
    if self.squared then x, t = torch.cmul(x, x), torch.cmul(t, t) end
    local below = torch.add(total(x) + total(t), self.smooth)
    return reduction.reduce(self, torch.add(torch.neg(torch.cdiv(above, below)), 1), nil, dtype)
  end
end
