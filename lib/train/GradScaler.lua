-- GradScaler: scales losses so that small gradients survive in float16, and steps over those that overflow.

local gradients = require("torch._each").gradients
local options = require "torch.options"
local raise = require("torch.caller").raise

return function(train, torch)
  local GradScaler = torch.class("train.GradScaler", train)

  --- train.GradScaler([options])
  --
  -- Losses times a factor, so that gradients too small for float16 are not rounded to zero; gradients are
  -- divided by it before the step.  A step whose gradients are not finite is left out and the factor made
  -- smaller; after some good steps it grows again.  The trainer uses one with precision = "float16".
  --
  -- options: table of any of these:
  --   scale: 65536 by default: the factor to begin with
  --   growth: 2 by default: the factor grows so many times
  --   backoff: 0.5 by default: it shrinks so many times
  --   interval: 2000 by default: it grows after so many good steps
  -- Returns: an object with the fields scale and skipped, the number of steps left out
  -- Errors: an option does not exist, is of another type or out of range
  -- From: Micikevicius and others, "Mixed precision training", 2018
  -- Example:
  --   scaler = train.GradScaler({ scale = 8 })
  --   p = torch.ones(1):requireGrad()
  --   scaler:scaled((p * 3):sum()):backward()
  --   scaler:unscale({ p }), p.grad:item() --> true 3.0
  function GradScaler:__init(given)
    local what = "train.GradScaler"
    local o = options.read(what, given, { scale = "number", growth = "number", backoff = "number",
      interval = "number" })
    self.scale = options.positive(what, "scale", o.scale, 65536.0)
    self.growth = options.positive(what, "growth", o.growth, 2.0)
    self.backoff = options.positive(what, "backoff", o.backoff, 0.5)
    self.interval = options.whole(what, "interval", o.interval, 2000, 1)
    if self.growth < 1 then raise("%s: growth is %s, wanted at least 1", what, self.growth) end
    if self.backoff >= 1 then raise("%s: backoff is %s, wanted less than 1", what, self.backoff) end
    self.good, self.skipped = 0, 0
  end

  local function check_no_graph()
    if torch.cuda.isCapturing() then
      raise "train.GradScaler: a graph cannot repeat what depends on gradients; bfloat16 needs none"
    end
  end

  --- scaler:scaled(loss); scaler:unscale(params [, factor]); scaler:update(finite)
  --
  -- The loss times the factor; divides the gradients by the factor; makes the factor smaller or larger after
  -- the step.
  --
  -- loss: tensor
  -- params: table of tensors
  -- factor: number, 1 by default: the gradients are divided by it too
  -- finite: what unscale gave
  -- Returns: scaled: a tensor; unscale: whether all gradients are finite; update: the scaler
  -- Errors: scaled, unscale: this is inside of torch.cuda.graph
  -- From: PyTorch's torch.amp
  -- Example:
  --   scaler = train.GradScaler({ scale = 8, interval = 1 })
  --   scaler:update(false).scale, scaler:update(true).scale --> 4.0 8.0
  function GradScaler:scaled(loss)
    check_no_graph()
    return loss * self.scale
  end

  function GradScaler:unscale(params, factor)
    check_no_graph()
    return torch.noGrad(gradients.scale, params, 1 / (self.scale * (factor or 1)), true)
  end

  function GradScaler:update(finite)
    if not finite then
      self.scale, self.good, self.skipped = self.scale * self.backoff, 0, self.skipped + 1
      return self
    end
    self.good = self.good + 1
    if self.good >= self.interval then self.scale, self.good = self.scale * self.growth, 0 end
    return self
  end

  --- scaler:state(); scaler:load(state)
  --
  -- The factor and the counts, as a table that torch.save takes; takes them over.
  --
  -- state: what state() gave
  -- Returns: a table; the scaler
  -- Errors: state is something else
  -- Example:
  --   train.GradScaler():load(train.GradScaler({ scale = 8 }):state()).scale --> 8
  function GradScaler:state()
    return { scale = self.scale, good = self.good, skipped = self.skipped }
  end

  function GradScaler:load(state)
    if type(state) ~= "table" or type(state.scale) ~= "number" then
      raise "train.GradScaler:load: this is not what state() gives"
    end
    self.scale, self.good, self.skipped = state.scale, state.good, state.skipped
    return self
  end
end
