-- labels: classes and scores from what models give and data sets have.

local torch = require "torch"
local raise = require("torch.caller").raise

local labels = {}

local floats = { float32 = true, float64 = true, float16 = true, bfloat16 = true }

function labels.is_float(t) return floats[t.dtype] or false end

function labels.shape(t)
  return #t.shape == 0 and "no dimensions" or table.concat(t.shape, "x")
end

function labels.misfit(what, output, target)
  local shape = { table.unpack(output.shape) }
  table.remove(shape)
  local last = #shape > 1 and table.concat(shape, "x") == labels.shape(target)
  raise("%s: an output of %s does not fit targets of %s%s", what, labels.shape(output), labels.shape(target),
    last and ("; the classes are dimension 2: output:transpose(2, %d)"):format(#output.shape) or "")
end

local function check(what, output, target)
  local given = { output = output, target = target }
  for _, name in ipairs { "output", "target" } do
    local t = given[name]
    if not torch.isTensor(t) then raise("%s: the %s is a %s, wanted a tensor", what, name, torch.type(t)) end
  end
  return output:detach(), target:detach()
end
labels.check = check

local function flat(t) return t:contiguous():view(-1) end
labels.flat = flat

-- n x classes from n x classes, or n x classes x places.., whose classes go last.
local function rows(output)
  if output:dim() == 2 then return output end
  local order = { 1 }
  for d = 3, output:dim() do order[#order + 1] = d end
  order[#order + 1] = 2
  return output:permute(table.unpack(order)):contiguous():view(-1, output:size(2))
end
labels.rows = rows

-- Whether the output is one score a sample: of float type, with as many elements as the target.
local function is_binary(output, target)
  return labels.is_float(output) and output:nElement() == target:nElement()
    and (output:dim() < 2 or output:size(2) == 1 or output:dim() == target:dim())
end
labels.is_binary = is_binary

-- 0 and 1 as booleans.
local function positives(what, target)
  local t = flat(target)
  if t:nElement() > 0 and t.dtype ~= "bool" and (t:min() < 0 or t:max() > 1) then
    raise("%s: the targets of single scores are 0 or 1, got %s to %s", what, t:min(), t:max())
  end
  return t:gt(0.5)
end

-- The classes of a target as a flat LongTensor.
local function numbers(what, target)
  local t = flat(target)
  if labels.is_float(t) then
    local broken = t:maskedSelect(t:ne(torch.floor(t)))
    if broken:nElement() > 0 then
      raise("%s: targets are classes, which are whole numbers, got %s", what, broken[1])
    end
  end
  return t:to("int64")
end
labels.numbers = numbers

-- Single scores that are not all from 0 to 1 are logits.
local function usual_threshold(scores)
  if scores:nElement() == 0 or scores:min() >= 0 and scores:max() <= 1 then return 0.5 end
  return 0
end

-- LongTensors in host memory of the classes that the output stands for and those of the target, and how many
-- classes there are at least.  Targets below 1 are left out.
function labels.classes(what, output, target, threshold)
  output, target = check(what, output, target)
  local p, t, n
  if is_binary(output, target) then
    p = flat(output)
    p = p:gt(threshold or usual_threshold(p)):to("int64") + 1
    t, n = positives(what, target):to("int64") + 1, 2
    return p:cpu(), t:cpu(), n
  end
  t = numbers(what, target):cpu()
  if labels.is_float(output) then
    if output:dim() < 2 then
      labels.misfit(what, output, target)
    end
    local scores = rows(output)
    n = scores:size(2)
    p = scores:size(1) == 0 and t or flat(select(2, torch.max(scores, 2)))
  else
    p, n = flat(output), 0
  end
  p = p:to("int64"):cpu()
  if p:nElement() ~= t:nElement() then
    if output:dim() > 2 then labels.misfit(what, output, target) end
    raise("%s: outputs of %s, which are %d classes, for targets of %s", what, labels.shape(output),
      p:nElement(), labels.shape(target))
  end
  if t:nElement() > 0 and t:min() < 1 then
    local known = t:ge(1)
    p, t = p:maskedSelect(known), t:maskedSelect(known)
  end
  if t:nElement() > 0 then
    if p:min() < 1 then raise("%s: classes count from 1, the output has %d", what, p:min()) end
    if n > 0 and t:max() > n then
      raise("%s: a target of class %d, there are %d classes", what, t:max(), n)
    end
    n = math.max(n, t:max(), p:max())
  end
  return p, t, n
end

-- Scores, n or n x classes in float64, and the targets as booleans of n, or classes; in host memory.
function labels.scores(what, output, target)
  output, target = check(what, output, target)
  if not labels.is_float(output) then
    raise("%s: scores are wanted, the output holds %s", what, output.dtype)
  end
  if is_binary(output, target) then
    return flat(output):double():cpu(), positives(what, target):cpu(), true
  end
  if output:dim() < 2 or output:nElement() // math.max(output:size(2), 1) ~= target:nElement() then
    labels.misfit(what, output, target)
  end
  local s, t = rows(output):double():cpu(), numbers(what, target):cpu()
  if t:nElement() > 0 and (t:min() < 1 or t:max() > s:size(2)) then
    raise("%s: a target of class %d, there are %d classes", what, t:min() < 1 and t:min() or t:max(),
      s:size(2))
  end
  return s, t, false
end

return labels
