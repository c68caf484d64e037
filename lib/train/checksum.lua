-- checksum: sums over the bytes of all that a table holds, which tell a file that has changed on its disk.

local torch = require "torch"

local checksum = {}

local CHUNK = 32768 -- elements at a time, which stay in the cache

-- The sum of the bytes as 64-bit numbers.
local function sum_of(bytes)
  bytes = bytes .. ("\0"):rep(-#bytes % 8)
  if #bytes == 0 then return 0 end
  local like = torch.zeros(1, "int64"):cpu()
  return like.new(torch._frombytes("torch.LongStorage", bytes)):sum()
end

-- Files hold numbers as doubles, which have no room for all 64 bits.
local function text_of(sum) return ("%016x"):format(sum) end

local function of_tensor(t)
  t = t:detach():cpu():contiguous()
  local storage, first, n, sum = t:storage(), t:storageOffset(), t:nElement(), t:dim()
  for i = 0, n - 1, CHUNK do
    sum = sum * 31 + sum_of(torch._bytes(storage, first + i, math.min(CHUNK, n - i)))
  end
  return text_of(sum)
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if type(a) ~= type(b) then return type(a) < type(b) end
    if type(a) == "number" then return a < b end
    return tostring(a) < tostring(b)
  end)
  return keys
end

-- Sums by the places of tensors, such as "model.0.weight"; that of all other values is under "".
function checksum.of(value)
  local sums, texts, seen = {}, {}, {}
  local function walk(v, path)
    if torch.isTensor(v) then
      sums[path] = of_tensor(v)
    elseif type(v) == "table" then
      if seen[v] then return end
      seen[v] = true
      for _, key in ipairs(sorted_keys(v)) do
        walk(v[key], path == "" and tostring(key) or path .. "." .. tostring(key))
      end
    elseif type(v) == "number" then
      texts[#texts + 1] = ("%s=%a"):format(path, v)
    elseif type(v) == "string" or type(v) == "boolean" then
      texts[#texts + 1] = ("%s=%q"):format(path, v)
    end
  end
  walk(value, "")
  sums[""] = text_of(sum_of(table.concat(texts, ";")))
  return sums
end

-- The first place where two tables of sums differ; nil where they are the same.
function checksum.difference(wanted, got)
  for _, path in ipairs(sorted_keys(wanted)) do
    if wanted[path] ~= got[path] then return path end
  end
  for _, path in ipairs(sorted_keys(got)) do
    if wanted[path] == nil then return path end
  end
end

return checksum
