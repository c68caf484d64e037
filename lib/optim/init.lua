-- optim: optimizers, as Torch7's functions and as objects, and what goes with training.

local rule = require "optim.rule"

local optim = {}

for _, name in ipairs { "sgd", "adam", "adamax", "adagrad", "adadelta", "rmsprop", "nag", "asgd", "rprop",
  "lbfgs", "cg", "cmaes", "de" } do
  optim[name] = rule.checked(name, require("optim." .. name))
end
for _, name in ipairs { "polyinterp", "lswolfe", "checkgrad" } do optim[name] = require("optim." .. name) end

package.loaded.optim = optim
for _, name in ipairs { "fista", "Optimizer", "steps", "more_steps", "LBFGS", "clip", "averages", "Scheduler",
  "schedules", "ReduceLROnPlateau", "sequences", "findLR", "ConfusionMatrix", "Logger" } do
  require("optim." .. name)(optim)
end

-- Torch7's scripts use the name without asking for it.
if rawget(_G, "optim") == nil then rawset(_G, "optim", optim) end

return optim
