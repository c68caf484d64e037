-- findLR: looks for a good learning rate: the loss while the rate grows.

local torch = require "torch"
local fill_options = require("torch.options").fill
local raise = require("torch.caller").raise

local defaults = { from = 1e-7, to = 10, steps = 100, smoothing = 0.9, stopFactor = 4 }

local function read_options(given)
  local o = fill_options("optim.findLR", given, defaults)
  for name, value in pairs(o) do
    if type(value) ~= "number" then raise("optim.findLR: option '%s' must be a number", name) end
  end
  if not (o.from > 0 and o.to > o.from and o.steps >= 2 and o.smoothing >= 0 and o.smoothing < 1) then
    raise("optim.findLR: wanted 0 < from < to, at least 2 steps and a smoothing from 0 to below 1")
  end
  return o
end

-- The rate where the smoothed loss falls fastest over the logarithm of the rate.
local function steepest(rates, smooth)
  local best, fastest = nil, 0
  for i = 2, #smooth - 1 do
    local fall = smooth[i - 1] - smooth[i + 1]
    if fall > fastest then best, fastest = rates[i], fall end
  end
  return best
end

return function(optim)
  local Range = torch.class("optim.LRRange", optim)

  --- optim.findLR(step, optimizer [, options])
  --
  -- Looks for a good learning rate: makes training steps while the rate grows from step to step by one
  -- factor, and keeps the loss.  The parameters and the optimizer are as before when it returns; what else
  -- step changes, as running means of normalizations, is not.
  --
  -- step: function that makes one step of training with the optimizer, on the next batch, and gives the loss
  -- optimizer: an optimizer
  -- options: table of any of these:
  --   from, to: 1e-7 and 10 by default: the rates
  --   steps: 100 by default
  --   smoothing: 0.9 by default: the weight of the past in the smoothed loss
  --   stopFactor: 4 by default: ends when the smoothed loss is so many times the least one
  -- Returns: an optim.LRRange with fields rates, losses, smooth and suggestion: the rate where the
  --   smoothed loss falls fastest, nil if it never falls
  -- Errors: step gives no loss
  -- From: Smith, "Cyclical learning rates for training neural networks", 2017
  -- Example:
  --   p = torch.ones(3):requireGrad()
  --   optimizer = optim.SGD { p }
  --   step = function()
  --     optimizer:zeroGrad()
  --     loss = torch.cmul(p, p):sum()
  --     loss:backward()
  --     optimizer:step()
  --     return loss
  --   end
  --   found = optim.findLR(step, optimizer, { from = 1e-4 })
  --   found.suggestion > 1e-3, p:sum():item() --> true 3.0
  function optim.findLR(step, optimizer, options)
    if type(step) ~= "function" then raise("optim.findLR: a function expected, got %s", torch.type(step)) end
    if not torch.isTypeOf(optimizer, "optim.Optimizer") then
      raise("optim.findLR: an optimizer expected, got %s", torch.type(optimizer))
    end
    local o = read_options(options)
    local saved, state, range = {}, optimizer:stateDict(), optim.LRRange()
    for _, group in ipairs(optimizer.groups) do
      for _, p in ipairs(group.params) do saved[p.value] = p.value:detach():clone() end
    end
    local function back()
      for p, value in pairs(saved) do p:copy(value) end
    end
    local ok, message = pcall(range._run, range, step, optimizer, o)
    torch.noGrad(back)
    optimizer:loadStateDict(state)
    if not ok then error(message, 0) end
    return range
  end

  --- optim.LRRange()
  --
  -- What optim.findLR gives: rates, losses and smooth, lists of numbers, and suggestion, a number or nil.
  --
  -- Returns: an optim.LRRange with empty lists
  -- From: Smith, "Cyclical learning rates for training neural networks", 2017
  -- Example:
  --   #optim.LRRange().rates --> 0
  function Range:__init()
    self.rates, self.losses, self.smooth = {}, {}, {}
  end

  function Range:_run(step, optimizer, o)
    local mean, least = 0, math.huge
    for i = 1, o.steps do
      local rate = o.from * (o.to / o.from) ^ ((i - 1) / (o.steps - 1))
      optimizer:set("lr", rate)
      local loss = step()
      if torch.isTensor(loss) then loss = loss:item() end
      if type(loss) ~= "number" then
        raise("optim.findLR: the step gave a %s, not a loss", torch.type(loss))
      end
      mean = o.smoothing * mean + (1 - o.smoothing) * loss
      local smooth = mean / (1 - o.smoothing ^ i)
      if smooth ~= smooth or math.abs(smooth) == math.huge then break end
      self.rates[i], self.losses[i], self.smooth[i] = rate, loss, smooth
      least = math.min(least, smooth)
      if i > 1 and smooth > o.stopFactor * least and least > 0 then break end
    end
    self.suggestion = steepest(self.rates, self.smooth)
  end

  --- range:plot([filename])
  --
  -- Draws the losses over the logarithm of the rate.
  --
  -- filename: string that ends in .png or .svg; without it the curves are text
  -- Returns: the name of the picture, or the text
  -- From: Smith, "Cyclical learning rates for training neural networks", 2017
  -- Example:
  --   p = torch.ones(1):requireGrad()
  --   range = optim.findLR(function() return 1 end, optim.SGD { p })
  --   type(range:plot()) --> string
  function Range:plot(filename)
    if #self.rates == 0 then return nil end
    local plot, xs = require "plot", {}
    for i, rate in ipairs(self.rates) do xs[i] = math.log(rate, 10) end
    local curves = { { "loss", xs, self.losses, "+" }, { "smoothed", xs, self.smooth, "-" } }
    local options = { title = "loss by learning rate", xlabel = "log10 of the rate", ylabel = "loss" }
    if filename then return plot.curves(filename, curves, options) end
    return plot.text(curves, options)
  end
end
