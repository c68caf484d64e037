-- Stream: samples one after the other, when nobody knows how many there are.

local torch = require "torch"
local check = require "data.check"
local raise = check.raise

local data = {}

local Stream = torch.class("data.Stream", data)

-- What is done to each item after it was read: a loader has its workers do it.
local function changed(changes, item)
  for _, f in ipairs(changes) do
    item = f(item)
    if item == nil then return nil end
  end
  return item
end

--- data.Stream(source)
--
-- Samples that are read one after the other, for data that is too much to count: lines of a file, messages,
-- games.
--
-- source: a function that begins an epoch, source(epoch), and returns what `for` takes, as io.lines does;
--   or an object with such a method iterate(epoch).  The first value of each turn is a sample
-- Returns: a stream, which a DataLoader takes in place of a data set
-- From: PyTorch's IterableDataset
-- Example:
--   words = data.Stream(function() return ("a b c"):gmatch("%a") end)
--   for batch in data.DataLoader(words, { batchSize = 2 }):batches() do last = batch end
--   #last, last[1] --> 1 c
function Stream:__init(source)
  if type(source) == "function" then
    self._source = source
  else
    local kind = type(source)
    if kind ~= "table" and kind ~= "userdata" or not check.callable(source.iterate) then
      raise("data.Stream: a %s, wanted a function or an object with iterate()", torch.type(source))
    end
    self._source = function(epoch) return source:iterate(epoch) end
  end
  self._changes = {}
end

-- A function that gives the items of an epoch before they are changed.
function Stream:_open(epoch)
  local f, state, control = self._source(epoch or 1)
  if not check.callable(f) then
    raise("data.Stream: the source gave a %s, wanted a function, as `for` takes", torch.type(f))
  end
  return function()
    control = f(state, control)
    return control
  end
end

function Stream:_change(item)
  return changed(self._changes, item)
end

--- stream:iterate([epoch])
--
-- The samples of an epoch: `for sample in stream:iterate() do`.
--
-- epoch: a whole number, which the source gets; 1 by default
-- Returns: a function that gives a sample at each call, and nil at the end
-- Example:
--   for line in data.Stream(function() return ("x y"):gmatch("%a") end):iterate() do last = line end
--   last --> y
function Stream:iterate(epoch)
  local next_item = self:_open(epoch)
  return function()
    local item = next_item()
    if item == nil then return nil end
    item = self:_change(item)
    if item == nil then raise("data.Stream: a function of map gave nothing for a sample") end
    return item
  end
end

--- stream:map(f)
-- stream:filter(f)
-- stream:take(n)
-- stream:shuffle(n)
--
-- f of each sample; the samples for which f is true; the first n; the samples in another order, each drawn
-- from the next n.  What map does after the last of the others is done by a loader's workers; all else is
-- done one after the other, in the thread of the script.
--
-- f: function of a sample
-- n: a whole number
-- Returns: a stream
-- Example:
--   numbers = data.Stream(function() return ("1 2 3 4"):gmatch("%d") end):map(tonumber)
--   sum = 0
--   for n in numbers:filter(function(n) return n > 1 end):shuffle(3):take(3):iterate() do sum = sum + n end
--   sum --> 9
function Stream:map(f)
  local stream = data.Stream(self._source)
  stream._changes = table.move(self._changes, 1, #self._changes, 1, {})
  table.insert(stream._changes, check.call("stream:map", "the argument", f))
  return stream
end

function Stream:filter(f)
  check.call("stream:filter", "the argument", f)
  return data.Stream(function(epoch)
    local next_sample = self:iterate(epoch)
    return function()
      local sample
      repeat sample = next_sample() until sample == nil or f(sample)
      return sample
    end
  end)
end

function Stream:take(n)
  check.whole("stream:take", "the number", n, 0)
  return data.Stream(function(epoch)
    local next_sample, left = self:iterate(epoch), n
    return function()
      if left == 0 then return nil end
      left = left - 1
      return next_sample()
    end
  end)
end

function Stream:shuffle(n)
  check.whole("stream:shuffle", "the number", n, 1)
  return data.Stream(function(epoch)
    local next_sample, waiting, over = self:iterate(epoch), {}, false
    return function()
      while not over and #waiting < n do
        local sample = next_sample()
        if sample == nil then over = true else waiting[#waiting + 1] = sample end
      end
      if #waiting == 0 then return nil end
      local k = torch.random(1, #waiting)
      local sample = waiting[k]
      waiting[k] = waiting[#waiting]
      waiting[#waiting] = nil
      return sample
    end
  end)
end

return data
