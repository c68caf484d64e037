-- histogram: the counts of a tensor's values in TensorFlow's buckets: limits at 0 and at plus and minus
-- 1e-12 * 1.1^k up to 1e20.

local torch = require "torch"

local limits, limits_tensor

local function make_limits()
  local up, value = {}, 1e-12
  while value < 1e20 do
    up[#up + 1] = value
    value = value * 1.1
  end
  limits = {}
  for i = #up, 1, -1 do limits[#limits + 1] = -up[i] end
  limits[#limits + 1] = 0.0
  for _, v in ipairs(up) do limits[#limits + 1] = v end
  limits_tensor = torch.DoubleTensor(limits)
end

-- Bucket i goes from limit i up to limit i + 1, without that. Values beyond the ends count in the last
-- one there.
local function counts_of(values)
  local place = torch.searchsorted(limits_tensor, values, true) - 1
  return torch.bincount(place:clamp(1, #limits - 1), nil, #limits - 1):totable()
end

-- The message of some numbers. What is not finite is left out; with nothing left it is an empty histogram.
return function(values)
  if not limits then make_limits() end
  values = values:detach():to("cpu"):double():contiguous():view(-1)
  local finite = values:eq(values):cmul(torch.abs(values):lt(math.huge))
  if finite:sum() < values:nElement() then values = values:maskedSelect(finite) end
  if values:nElement() == 0 then return { bucket_limit = { 0 }, bucket = { 0 } } end
  local counts, first, last = counts_of(values), nil, nil
  for i, count in ipairs(counts) do
    if count > 0 then first, last = first or i, i end
  end
  -- Only right ends are kept: an empty bucket in front tells where the first one begins.
  local message = { min = values:min(), max = values:max(), num = values:nElement(), sum = values:sum(),
    sum_squares = torch.dot(values, values), bucket_limit = { limits[first] }, bucket = { 0 } }
  for i = first, last do
    table.insert(message.bucket_limit, limits[i + 1])
    table.insert(message.bucket, counts[i])
  end
  return message
end
