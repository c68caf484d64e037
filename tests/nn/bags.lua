-- bags: nn.functional.embeddingBag made of other functions, which tests compare it with.
local torch = require "torch"
local nn = require "nn"
local embedding = nn._embedding

-- The largest of each bag, 0 of an empty one; `counted` are 1 for rows that count, else 0.
local function largest(rows, bag, n, counted)
  local total, width = rows:size(1), rows:size(2)
  if total == 0 then return embedding.sum(rows, bag, n) end
  local sizes = torch.zeros(n):long():to(bag.device):indexAdd(1, bag, torch.onesLike(bag))
  local longest = sizes:max()
  local starts = torch.cumsum(sizes, 1) - sizes
  local inside = torch.range(0, total - 1):long():to(bag.device) - torch.index(starts, 1, bag)
  local slots = (bag - 1) * longest + inside + 1
  local from = torch.zeros(n * longest):long():to(bag.device)
  from:indexCopy(1, slots, torch.cmul(torch.range(1, total):long():to(bag.device), counted:to("int64")))
  local taken = torch.index(rows, 1, torch.cmax(from, 1))
  local full = torch.gt(from, 0):view(-1, 1):expandAs(taken)
  local lowest = torch.where(full, taken, torch.fullLike(taken:detach(), -math.huge))
  local most = torch.max(lowest:reshape(n, longest, width), 2):reshape(n, width)
  local some = torch.max(full:reshape(n, longest, width):to("uint8"), 2):reshape(n, width)
  return torch.where(torch.gt(some, 0), most, torch.zerosLike(most:detach()))
end

-- Numbers of rows, those of their bags, and how many bags.
local function divided(input, weight, o)
  local places = embedding.places("bags", input, weight)
  if input:dim() == 2 then
    local count, each = input:size(1), input:size(2)
    local bag = torch.range(1, math.max(count, 1)):long():narrow(1, 1, count)
    return places, bag:view(-1, 1):expand(count, each):reshape(count * each):to(weight.device), count
  end
  local offsets = o.offsets
  if o.includeLastOffset then offsets = offsets:narrow(1, 1, offsets:nElement() - 1) end
  local bags = embedding.bags("bags", offsets, places:nElement())
  return places, bags:to(weight.device), offsets:nElement()
end

-- As nn.functional.embeddingBag, for arguments that are right.
return function(input, weight, o)
  local places, bag, n = divided(input, weight, o)
  local rows = embedding.rows(weight, places, o)
  local counted = torch.ne(places, o.paddingIdx or 0):type(weight:type())
  if o.mode == "max" then return largest(rows, bag, n, counted) end
  local factors = counted
  if o.perSampleWeights then
    local given = o.perSampleWeights
    factors = torch.cmul(given:reshape(given:nElement()):to(weight.device), counted)
  end
  local sum = embedding.sum(torch.cmul(rows, factors:view(-1, 1):expandAs(rows)), bag, n)
  if o.mode == "sum" then return sum end
  local sizes = weight:detach().new(n):zero():indexAdd(1, bag, counted)
  return torch.cdiv(sum, torch.cmax(sizes, 1):view(-1, 1):expandAs(sum))
end
