-- define: makes the class of an optimizer from its options and its rule.

local torch = require "torch"
local raise = require("torch.caller").raise

-- What a number must be to make sense, by the option's name.
local ranges = {
  lr = { 0, math.huge }, momentum = { 0, math.huge }, weightDecay = { 0, math.huge },
  eps = { 0, math.huge }, lrDecay = { 0, math.huge }, initialAccumulatorValue = { 0, math.huge },
  momentumDecay = { 0, math.huge },
  beta1 = { 0, 1, true }, beta2 = { 0, 1, true }, alpha = { 0, 1 }, rho = { 0, 1 },
}

local function check_ranges(name, options)
  for option, range in pairs(ranges) do
    local x = options[option]
    if type(x) == "number" and not (x >= range[1] and x <= range[2] and not (range[3] and x == 1)) then
      raise("%s: option '%s' is %s, wanted %s", name, option, x,
        range[2] == 1 and "a number from 0 to 1" or "a number that is not negative")
    end
  end
end

-- What a graph repeats of a rule whose numbers do not depend on the count of steps: they stay what they are.
local function capture_steady(self, group)
  for _, p in ipairs(group.params) do
    local state = self.state[p.index]
    if p.value.grad and not (state and state.step > 0) then self:_needsStep() end
  end
  local kept = {}
  for name, value in pairs(group.options) do kept[name] = value end
  self:_stepGroup(group)
  return function()
    for name, value in pairs(kept) do
      if group.options[name] ~= value then self:_cannotChange(name) end
    end
  end
end

-- define(optim, name, defaults, rule): rule.group(self, group) steps all parameters of a group, or
-- rule.one(p, g, options, state) one of them; rule.check(options) refuses wrong options.
--
-- rule.capture(self, group, states) does so in a graph.  Each replay will count the steps of the states that
-- this puts into the list.  It gives check(), which raises what the graph cannot repeat, and advance(), which
-- says the numbers of the next step.  rule.steady: they do not depend on its count, from the second one on.
return function(optim, name, defaults, rule)
  local full = "optim." .. name
  local class, parent = torch.class(full, "optim.Optimizer", optim)
  class._one, class._captureGroup = rule.one, rule.capture or rule.steady and capture_steady or nil
  if rule.group then class._stepGroup = rule.group end
  function class._check(options)
    check_ranges(full, options)
    if rule.check then rule.check(options) end
  end
  function class:__init(params, options)
    parent.__init(self, params, options, defaults)
  end
end
