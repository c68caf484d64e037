-- seeds: random numbers that depend on what they are for, not on when they are drawn.

local torch = require "torch"
local random = require "data._random"

local seeds = {}

-- Lua's own math.random and math.randomseed: Torch7's mode has functions around them.
local function own(f)
  if debug.getinfo(f, "S").what == "C" then return f end
  for i = 1, math.huge do
    local name, value = debug.getupvalue(f, i)
    if not name then return nil end
    if type(value) == "function" and debug.getinfo(value, "S").what == "C" and name:find("^raw_") then
      return value
    end
  end
end

-- Where math.random keeps its state, and the function that seeds it; nil when a script has put others in
-- their place.
local _, state = debug.getupvalue(own(math.random) or type, 1)
local reseed = own(math.randomseed)
if type(state) ~= "userdata" then state, reseed = nil, nil end

-- A seed from a seed and a number: neighbours have nothing to do with each other.
function seeds.mix(seed, number)
  local z = seed + (number + 1) * 0x9E3779B97F4A7C15
  z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
  z = (z ~ (z >> 27)) * 0x94D049BB133111EB
  return z ~ (z >> 31)
end

-- A generator for the epoch's order.
function seeds.generator(seed, epoch)
  local generator = torch.Generator()
  torch.manualSeed(generator, seeds.mix(seed, epoch))
  return generator
end

local guard = { __close = function(kept) random.back(kept[1], state) end }

-- A value to be closed: the caller's torch generator and math.random are then as they are now.
function seeds.guard()
  return setmetatable({ random.keep(state) }, guard)
end

-- Seeds both.
function seeds.set(seed)
  random.seed(seed)
  if reseed then reseed(seed) end
end

-- The function f as one whose random numbers go on, from one call to the next, where its last ones ended,
-- apart from the caller's.
function seeds.apart(seed, f)
  local last
  return function(...)
    local kept <close> = seeds.guard() -- luacheck: ignore
    if last then random.back(last, state) else seeds.set(seed) end
    local results = table.pack(f(...))
    last = random.keep(state)
    return table.unpack(results, 1, results.n)
  end
end

return seeds
