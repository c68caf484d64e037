-- ahead: batches that are copied to a CUDA device before they are asked for, beside what it computes.

local torch = require "torch"
local tree = require "torch.tree"
local raise = require("data.check").raise

local ahead = {}

-- The device of a name with its number; nil for the host.
function ahead.device(fn, name)
  if name == nil or name == "cpu" then return nil end
  if type(name) ~= "string" then
    raise("%s: the device is a %s, wanted 'cpu', 'cuda' or 'cuda:1'", fn, torch.type(name))
  end
  local there, why = pcall(torch.cuda.getDeviceProperties, name)
  if not there then raise("%s: %s", fn, (why:gsub("^[^\n]-:%d+: ", ""))) end
  return name == "cuda" and ("cuda:%d"):format(torch.cuda.getDevice()) or name
end

local Ahead = {}
Ahead.__index = Ahead

-- read: a function that gives a batch in page-locked memory, its number and a failure, or nothing.
-- n: how many batches there are to be on the device beside the one that is given.
function ahead.new(read, device, n)
  return setmetatable({ read = read, device = device, most = n + 1, first = 1, last = 0 }, Ahead)
end

-- A batch on the device, and the tensors that were copied there.  Its page-locked memory is free again when
-- the copies are over.
local function copied(batch, device)
  local made = {}
  batch = tree.map(batch, function(t)
    if t.device ~= "cpu" then return t:to(device) end
    local there = torch._ahead(t, device)
    made[#made + 1] = there
    t:free()
    return there
  end, "the batch")
  return batch, made
end

local function ask(self)
  local batch, number, failure = self.read()
  local made = {}
  self.over = batch == nil
  if batch ~= nil then batch, made = copied(batch, self.device) end
  self.last = self.last + 1
  self[self.last] = { batch = batch, number = number, failure = failure, made = made }
end

-- What read gives, on the device.  The current stream waits for it.
function Ahead:take()
  while not self.over and self.last - self.first + 1 < self.most do ask(self) end
  local entry = self[self.first]
  if not entry then return nil end
  self[self.first] = nil
  self.first = self.first + 1
  for _, t in ipairs(entry.made) do torch._arrived(t) end
  return entry.batch, entry.number, entry.failure
end

-- Gives the batches that nobody took back.
function Ahead:drop()
  self.over = true
  for i = self.first, self.last do
    for _, t in ipairs(self[i].made) do t:free() end
    self[i] = nil
  end
  self.first = self.last + 1
end

return ahead
