-- halving: many configurations with little, the better ones with more: successive halving and Hyperband.

local check = require "tune.check"
local raise = require("torch.caller").raise

return function(tune)
  local function check_budgets(what, o)
    local least, most = check.number(what, "least", o.least or 1), check.number(what, "most", o.most or 0)
    if not o.most then raise("%s: the option 'most', the largest budget, is missing", what) end
    if least <= 0 or most < least then
      raise("%s: least is %s and most is %s, wanted numbers above 0, in this order", what, least, most)
    end
    local factor = check.number(what, "factor", o.factor or 3)
    if factor <= 1 then raise("%s: factor is %s, wanted a number above 1", what, factor) end
    return least, most, factor
  end

  -- Whole numbers where the largest budget is one.
  local function budget_text(budget, most)
    return math.tointeger(most) and math.max(1, math.floor(budget + 0.5)) or budget
  end

  -- The budgets from least to most.
  local function budgets(least, most, factor)
    local rungs = math.floor(math.log(most / least) / math.log(factor) + 1e-9)
    local list = {}
    for i = rungs, 0, -1 do list[#list + 1] = budget_text(most / factor ^ i, most) end
    return list
  end

  local function worst_last(results, budget)
    return function(a, b)
      local x, y = results:_find(a.number, budget).score, results:_find(b.number, budget).score
      local bad_x, bad_y = x == nil or x ~= x, y == nil or y ~= y
      if bad_x ~= bad_y then return bad_y end
      if bad_x or x == y then return a.number < b.number end
      if results.mode == "max" then return x > y end
      return x < y
    end
  end

  -- Successive halving of { number=, config= } over the budgets.
  local function halve(f, alive, list, factor, results, o)
    for rung, budget in ipairs(list) do
      local jobs = {}
      for i, c in ipairs(alive) do jobs[i] = { number = c.number, config = c.config, budget = budget } end
      tune._trials(f, jobs, results, o)
      if rung < #list then
        table.sort(alive, worst_last(results, budget))
        local kept = {}
        for i = 1, math.max(1, math.floor(#alive / factor)) do kept[i] = alive[i] end
        -- what failed gets no more
        while #kept > 1 and not results:_find(kept[#kept].number, budget).score do kept[#kept] = nil end
        alive = kept
      end
    end
  end

  --- tune.halving(f, configs, options)
  --
  -- Successive halving: tries all configurations with a small budget, the best third of them with three times
  -- as much, and so on up to the largest.
  --
  -- f: function of a configuration, a budget such as a number of epochs, report, and the configuration's
  --   number, which gives a score; see tune.run.  With a folder of checkpoints for each number it can go on
  --   from the smaller budget
  -- configs: list of configurations, such as tune.random gives
  -- options: those of tune.run, and:
  --   most: the largest budget
  --   least: the smallest; 1 by default.  Budgets are most / factor^i; whole numbers where most is one
  --   factor: 3 by default: one of so many goes on, with so many times the budget
  -- Returns: a tune.Results; its best trial is one of the largest budget
  -- Errors: an option is missing, does not exist, is of another type or out of range
  -- From: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
  --   2016
  -- Example:
  --   f = function(c, budget) return (c.x - 4) ^ 2 + 1 / budget end
  --   configs = tune.grid { x = { 1, 2, 3, 4, 5, 6, 7, 8, 9 } }
  --   results = tune.halving(f, configs, { most = 9, progress = false })
  --   #results.trials, results:best().config.x, results:best().budget --> 13 4 9
  function tune.halving(f, configs, given)
    local what = "tune.halving"
    check.call(what, f)
    check.configs(what, configs)
    local o = tune._options(what, given, { most = "number", least = "number", factor = "number" })
    local least, most, factor = check_budgets(what, o)
    local results, alive = tune._results(what, o), {}
    for i, config in ipairs(configs) do alive[i] = { number = i, config = config } end
    halve(f, alive, budgets(least, most, factor), factor, results, o)
    return results
  end

  --- tune.hyperband(f, space, options)
  --
  -- Successive halving several times, from many configurations with little each to few with the largest
  -- budget, as one does not know beforehand how much tells good from bad.
  --
  -- f: as for tune.halving
  -- space: as for tune.random, which draws the configurations
  -- options: those of tune.halving
  -- Returns: a tune.Results
  -- Errors: as tune.halving
  -- From: Li and others, "Hyperband: a novel bandit-based approach to hyperparameter optimization", 2018
  -- Example:
  --   f = function(c, budget) return (c.x - 4) ^ 2 + 1 / budget end
  --   results = tune.hyperband(f, { x = tune.uniform(0, 9) }, { most = 9, progress = false })
  --   math.abs(results:best().config.x - 4) < 1, results:best().budget --> true 9
  function tune.hyperband(f, space, given)
    local what = "tune.hyperband"
    check.call(what, f)
    local o = tune._options(what, given, { most = "number", least = "number", factor = "number" })
    local least, most, factor = check_budgets(what, o)
    local rungs = #budgets(least, most, factor) - 1
    local counts, total = {}, 0
    for s = rungs, 0, -1 do
      counts[s] = math.ceil((rungs + 1) / (s + 1) * factor ^ s - 1e-9)
      total = total + counts[s]
    end
    local configs, results, number = tune.random(space, total, { seed = o.seed }), tune._results(what, o), 0
    for s = rungs, 0, -1 do
      local alive = {}
      for i = 1, counts[s] do
        number = number + 1
        alive[i] = { number = number, config = configs[number] }
      end
      halve(f, alive, budgets(most / factor ^ s, most, factor), factor, results, o)
    end
    return results
  end
end
