-- loaders: what gives batches: an object with batches(), or a list of batches; and batches themselves.

local torch = require "torch"
local raise = require("torch.caller").raise

local loaders = {}

local function has(loader, method)
  return type(loader[method]) == "function"
end

local function indexable(value)
  return type(value) == "table" or type(value) == "userdata" and not torch.isTensor(value)
end

-- Refuses what gives no batches.
function loaders.check(what, loader)
  if indexable(loader) then
    if has(loader, "batches") then return loader end
    if type(loader) == "table" and loader[1] ~= nil and not torch.typename(loader) then return loader end
  end
  raise("%s: a loader expected, which has a method batches(), or a list of batches; got %s%s", what,
    type(loader) == "table" and not torch.typename(loader) and next(loader) == nil and "an empty table"
      or torch.type(loader),
    torch.isTypeOf(loader, "data.Dataset") and "; data.DataLoader makes a loader of it" or "")
end

-- How many batches there are in an epoch, or nil.
function loaders.size(loader)
  if not has(loader, "batches") then return #loader end
  return has(loader, "size") and math.tointeger(loader:size()) or nil
end

-- For a generic `for`: the batches from number first + 1 on.  `state` is what loaders.state gave there.
-- device: where they are wanted, which a data.DataLoader sees to.
function loaders.batches(loader, first, state, device)
  if not has(loader, "batches") then
    local i = first
    return function()
      i = i + 1
      return loader[i]
    end
  end
  if not torch.isTypeOf(loader, "data.DataLoader") then device = nil end
  if first == 0 then return loader:batches(device) end
  if state ~= nil and has(loader, "load") then
    loader:load(state)
    return loader:batches(device)
  end
  -- It cannot go to a place: what was seen comes once more and is dropped.
  local next_batch, s, control, closing = loader:batches(device)
  for _ = 1, first do
    control = next_batch(s, control)
    if control == nil then return function() end end
  end
  return next_batch, s, control, closing
end

-- A batch of what a loader gives at once: input and target may come as two values.
function loaders.packed(batch, second)
  if not torch.isTensor(batch) then return batch end
  if torch.isTensor(second) or type(second) == "table" then return { batch, second } end
  return batch
end

-- Where the loader is, in a table that torch.save takes; nil when the loader does not say.
function loaders.state(loader)
  if indexable(loader) and has(loader, "state") and has(loader, "load") then return loader:state() end
end

function loaders.load(loader, state)
  if state ~= nil and has(loader, "load") then loader:load(state) end
end

-- The order of an epoch depends on its number.
function loaders.setEpoch(loader, epoch)
  if not has(loader, "setEpoch") then return false end
  loader:setEpoch(epoch)
  return true
end

-- f of every tensor of a batch, in tables of the same form.
local function map(value, f)
  if torch.isTensor(value) then return f(value) end
  if type(value) ~= "table" or torch.typename(value) then return value end
  local copy = {}
  for k, v in pairs(value) do copy[k] = map(v, f) end
  return setmetatable(copy, getmetatable(value))
end
loaders.map = map

local function first_tensor(value)
  if torch.isTensor(value) then return value end
  if type(value) ~= "table" then return nil end
  for _, v in ipairs(value) do
    local t = first_tensor(v)
    if t then return t end
  end
  if value.input ~= nil then return first_tensor(value.input) end
  local names = {}
  for name in pairs(value) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for _, name in ipairs(names) do
    local t = first_tensor(value[name])
    if t then return t end
  end
end

-- How many samples a batch has: the size of its first tensor's first dimension, or 1.
function loaders.samples(batch)
  local t = first_tensor(batch)
  return t and t:dim() > 0 and t:size(1) or 1
end

-- Input and target: {input, target}, or fields of these names.
function loaders.pair(batch)
  if type(batch) ~= "table" or torch.typename(batch) then
    raise("train: a batch is a %s; without a function `step` it has to be {input, target}", torch.type(batch))
  end
  local input, target = batch[1], batch[2]
  if input == nil then input, target = batch.input, batch.target end
  if input == nil then
    local names = {}
    for name in pairs(batch) do names[#names + 1] = tostring(name) end
    table.sort(names)
    raise("train: a batch has neither [1] nor input, only (%s); without a function `step` it has to be "
      .. "{input, target}", table.concat(names, ", "))
  end
  return input, target
end

return loaders
