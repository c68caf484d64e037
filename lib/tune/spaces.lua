-- spaces: the configurations to try: all of a grid, or some drawn at random.

local check = require "tune.check"
local options = require "torch.options"
local raise = require("torch.caller").raise

return function(tune, torch)
  local function sorted_keys(t)
    local keys = {}
    for key in pairs(t) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    return keys
  end

  local function is_table(value)
    return type(value) == "table" and torch.typename(value) == nil and getmetatable(value) == nil
  end

  local function check_space(what, space)
    if not is_table(space) or next(space) == nil or space[1] ~= nil then
      raise("%s: a table of hyper-parameters by name expected, got %s", what,
        type(space) == "table" and (next(space) == nil and "an empty table" or "a list") or torch.type(space))
    end
  end

  -- ---- grids ------------------------------------------------------------------------------------------

  -- The list of what a part of a grid stands for.
  local expand

  local function combinations(space, what)
    local list = { {} }
    for _, key in ipairs(sorted_keys(space)) do
      local longer = {}
      for _, config in ipairs(list) do
        for _, value in ipairs(expand(space[key], what .. "." .. tostring(key))) do
          local copy = {}
          for k, v in pairs(config) do copy[k] = v end
          copy[key] = value
          longer[#longer + 1] = copy
        end
      end
      list = longer
    end
    return list
  end

  function expand(part, what)
    if torch.isTypeOf(part, "tune.Distribution") then
      raise("%s: a distribution has no end of values; give a list, or use tune.random", what)
    end
    if not is_table(part) then return { part } end
    if part[1] ~= nil then return part end
    if next(part) == nil then raise("%s: an empty list leaves nothing to try", what) end
    return combinations(part, what)
  end

  --- tune.grid(space)
  --
  -- All combinations of some values.
  --
  -- space: table of lists of values by name; what is no list stays as it is, and a table with names is a
  --   space of its own
  -- Returns: a list of configurations, which are tables by the same names; the last name's values change
  --   first
  -- Errors: a list is empty
  -- Example:
  --   configs = tune.grid { lr = { 0.1, 0.01 }, hidden = { 8, 16, 32 }, epochs = 3 }
  --   #configs, configs[1].hidden, configs[2].lr, configs[6].epochs --> 6 8 0.01 3
  function tune.grid(space)
    check_space("tune.grid", space)
    return combinations(space, "tune.grid")
  end

  -- ---- distributions ----------------------------------------------------------------------------------

  local Distribution = torch.class("tune.Distribution", tune)

  --- tune.Distribution(draw)
  --
  -- What a hyper-parameter may be at random, for tune.random.
  --
  -- draw: function that gives a value from a number u that is equally likely anywhere from 0 to 1, without 1
  -- Returns: a distribution
  -- Errors: draw is no function
  -- Example:
  --   even = tune.Distribution(function(u) return 2 * math.floor(u * 5) end)
  --   tune.random({ n = even }, 1, { seed = 1 })[1].n % 2 --> 0
  function Distribution:__init(draw)
    if type(draw) ~= "function" then
      raise("tune.Distribution: a function expected, got %s", torch.type(draw))
    end
    self._draw = draw
  end

  local function bounds(what, lo, hi)
    check.number(what, "the lower bound", lo)
    check.number(what, "the upper bound", hi)
    if lo > hi then raise("%s: the bounds %s and %s are the wrong way round", what, lo, hi) end
  end

  --- tune.uniform(lo, hi); tune.logUniform(lo, hi); tune.integer(lo, hi); tune.choice(values)
  --
  -- Distributions for tune.random: numbers that are equally likely; numbers whose logarithms are, which suits
  -- learning rates; whole numbers, both bounds among them; one of some values.
  --
  -- lo, hi: numbers; for logUniform above 0
  -- values: list of any values
  -- Returns: a distribution
  -- Errors: a bound is no number, or they are the wrong way round; values is empty
  -- From: Bergstra and Bengio, "Random search for hyper-parameter optimization", 2012
  -- Example:
  --   space = { lr = tune.logUniform(1e-4, 1e-1), n = tune.integer(1, 3), act = tune.choice { 1, 2 } }
  --   config = tune.random(space, 1, { seed = 1 })[1]
  --   config.lr >= 1e-4 and config.lr <= 1e-1, math.type(config.n) --> true integer
  function tune.uniform(lo, hi)
    bounds("tune.uniform", lo, hi)
    return Distribution(function(u) return lo + u * (hi - lo) end)
  end

  function tune.logUniform(lo, hi)
    bounds("tune.logUniform", lo, hi)
    if lo <= 0 then raise("tune.logUniform: the lower bound is %s, wanted a number above 0", lo) end
    return Distribution(function(u)
      return math.min(math.max(math.exp(math.log(lo) + u * (math.log(hi) - math.log(lo))), lo), hi)
    end)
  end

  function tune.integer(lo, hi)
    bounds("tune.integer", lo, hi)
    local first, last = math.tointeger(lo), math.tointeger(hi)
    if not first or not last then raise("tune.integer: the bounds %s and %s are not whole", lo, hi) end
    return Distribution(function(u) return first + math.floor(u * (last - first + 1)) end)
  end

  function tune.choice(values)
    if not is_table(values) or #values == 0 then
      raise("tune.choice: a list of values expected, got %s",
        is_table(values) and "an empty table" or torch.type(values))
    end
    return Distribution(function(u) return values[1 + math.floor(u * #values)] end)
  end

  -- ---- random configurations --------------------------------------------------------------------------

  local function draw(space, what, u)
    local config = {}
    for _, key in ipairs(sorted_keys(space)) do
      local part = space[key]
      if torch.isTypeOf(part, "tune.Distribution") then
        config[key] = part._draw(u())
      elseif is_table(part) and part[1] ~= nil then
        raise("%s.%s: a list; tune.choice(list) draws from it, tune.choice { list } keeps it whole", what,
          tostring(key))
      elseif is_table(part) then
        config[key] = draw(part, what .. "." .. tostring(key), u)
      else
        config[key] = part
      end
    end
    return config
  end

  --- tune.random(space, n [, options])
  --
  -- Configurations drawn at random.
  --
  -- space: table of distributions by name; what is none stays as it is, and a table with names is a space
  --   of its own
  -- n: how many; the first ones of a longer list are the same
  -- options: table of seed: 0 by default
  -- Returns: a list of configurations, which are tables by the same names
  -- Errors: space holds a list; n is not a whole number
  -- From: Bergstra and Bengio, "Random search for hyper-parameter optimization", 2012
  -- Example:
  --   configs = tune.random({ lr = tune.logUniform(1e-4, 1), n = tune.integer(8, 64) }, 20, { seed = 3 })
  --   #configs, tune.random({ lr = tune.uniform(0, 1) }, 1)[1].lr < 1 --> 20 true
  function tune.random(space, n, given)
    local what = "tune.random"
    check_space(what, space)
    n = options.whole(what, "the number of configurations", n == nil and "missing" or n, nil, 1)
    local o = options.read(what, given, { seed = "number" })
    local generator = torch.Generator()
    torch.manualSeed(generator, options.whole(what, "seed", o.seed, 0, 0))
    local list = {}
    for i = 1, n do
      list[i] = draw(space, what, function() return torch.uniform(generator) end)
    end
    return list
  end
end
