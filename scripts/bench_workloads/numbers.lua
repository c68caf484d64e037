-- numbers.lua: the portable numbers that every workload starts from, the same in both systems.
--
-- Number i = 0, 1, .. of stream s is the top 24 bits of splitmix64's output for the counter
-- s * 2^40 + i + 1, so each element is known without those before it.

local torch = require "torch"

local numbers = { device = "cpu" } -- where the tensors of the workloads are: cpu or cuda

local CHUNK = 1 << 15 -- elements made together: they stay in the cache

local counter = torch.arange(1, CHUNK + 1)

-- z ~ (z >> n), with zeros shifted in: the operator's shift copies the sign.
local function mix(z, n)
  return z:bitxor(torch.rshift(z, n):bitand((1 << (64 - n)) - 1))
end

-- The top 24 bits for elements first .. first + n - 1 of a stream, as doubles in [0, 1).
local function units(stream, first, n)
  local z = torch.add(counter:narrow(1, 1, n), (stream << 40) + first)
  mix(z:mul(0x9E3779B97F4A7C15), 30):mul(0xBF58476D1CE4E5B9)
  mix(mix(z, 27):mul(0x94D049BB133111EB), 31)
  return torch.rshift(z, 40):bitand((1 << 24) - 1):double():mul(2.0 ^ -24)
end

local function each_chunk(t, stream, f)
  local flat = t:view(t:nElement())
  for first = 0, t:nElement() - 1, CHUNK do
    local n = math.min(CHUNK, t:nElement() - first)
    flat:narrow(1, first + 1, n):copy(f(units(stream, first, n)))
  end
  return t
end

--- A tensor, or a module with all its tensors, on the workloads' device.
function numbers.on_device(x)
  if numbers.device == "cpu" then return x end
  return x:cuda()
end

--- Zeros of the given sizes.
function numbers.zeros(...)
  return numbers.on_device(torch.zeros(...))
end

--- Fills a tensor in host memory with lo + (hi - lo) * unit.
function numbers.fill(t, stream, lo, hi)
  return each_chunk(t, stream, function(u) return u:mul(hi - lo):add(lo) end)
end

--- Floats in [lo, hi) of the given sizes.
function numbers.between(lo, hi, stream, ...)
  return numbers.on_device(numbers.fill(torch.FloatTensor(...), stream, lo, hi))
end

--- Floats in [-1, 1).
function numbers.U(stream, ...)
  return numbers.between(-1, 1, stream, ...)
end

--- Whole numbers 1 .. n.
function numbers.I(stream, n, ...)
  local t = each_chunk(torch.LongTensor(...), stream, function(u) return u:mul(n):floor():add(1) end)
  return numbers.on_device(t)
end

--- Starting weights of a list of parameters in host memory: those of two or more dimensions uniform in
-- +-1/sqrt(elements of a row), from streams first, first + 1, ..; vectors zero.
function numbers.init(params, first)
  local stream = first or 100
  for _, p in ipairs(params) do
    if p:dim() >= 2 then
      local a = 1 / math.sqrt(p:nElement() / p:size(1))
      numbers.fill(p, stream, -a, a)
      stream = stream + 1
    else
      p:zero()
    end
  end
  return params
end

return numbers
