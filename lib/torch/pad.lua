-- pad: more elements around a tensor.

local torch = require "torch"
local check = require "torch.check"
local raise = check.raise

-- For places from -before to n - 1 + after (counting from 0) the place whose element stands there.
local sources = {
  replicate = function(i, n) return torch.clamp(i, 0, n - 1) end,
  circular = function(i, n) return torch.remainder(i, n) end,
  reflect = function(i, n)
    if n == 1 then return torch.mul(i, 0) end
    local j = torch.remainder(i, 2 * (n - 1))
    return torch.cmin(j, torch.mul(j, -1) + 2 * (n - 1))
  end,
  symmetric = function(i, n)
    local j = torch.remainder(i, 2 * n)
    return torch.cmin(j, torch.mul(j, -1) + 2 * n - 1)
  end,
}

-- The pads as {[dim] = {before, after}}.
local function read_pads(x, pads)
  if torch.isStorage(pads) or torch.isTensor(pads) then pads = pads:totable() end
  if type(pads) ~= "table" or #pads % 2 ~= 0 or #pads > 2 * #x.shape then
    raise("torch.pad: for shape %s a table of at most %d pads is wanted, two for each dimension",
      check.shape_text(x), 2 * #x.shape)
  end
  local of = {}
  for i = 1, #pads, 2 do
    local d = #x.shape - i // 2
    local before = check.whole("pad", "pad " .. i, pads[i], -(1 << 53), 1 << 53)
    local after = check.whole("pad", "pad " .. i + 1, pads[i + 1], -(1 << 53), 1 << 53)
    if x.shape[d] + before + after < 0 or -before > x.shape[d] or -after > x.shape[d] then
      raise("torch.pad: pads of %d and %d leave nothing of dimension %d of size %d", before, after, d,
        x.shape[d])
    end
    of[d] = { before, after }
  end
  return of
end

-- x without what negative pads take off; those pads become 0.
local function crop(x, of)
  for d, pad in pairs(of) do
    local before, after = math.max(-pad[1], 0), math.max(-pad[2], 0)
    if before > 0 or after > 0 then
      x = torch.narrow(x, d, before + 1, x.shape[d] - before - after)
      of[d] = { math.max(pad[1], 0), math.max(pad[2], 0) }
    end
  end
  return x
end

local function constant(x, of, value)
  local shape, any = { table.unpack(x.shape) }, false
  for d, pad in pairs(of) do
    shape[d] = shape[d] + pad[1] + pad[2]
    any = any or pad[1] > 0 or pad[2] > 0
  end
  if not any then return x:clone() end
  local y = check.full(x, shape, value)
  local inside = y
  for d, pad in pairs(of) do inside = torch.narrow(inside, d, pad[1] + 1, x.shape[d]) end
  inside:copy(x)
  return y
end

--- torch.pad(x, pads [, mode [, value]])
-- x:pad(pads [, mode [, value]])
--
-- x with elements added before and after it along dimensions, the last first.
--
-- x: tensor of any type
-- pads: {before, after} the last dimension, then before and after the last but one, ..; negative numbers
--   take elements away
-- mode: what is added: 'constant' (the default) a number; 'replicate' the element at the edge; 'reflect'
--   the elements next to the edge in the opposite order, without the edge; 'symmetric' with it;
--   'circular' those of the other end
-- value: the number for 'constant', 0 by default
-- Returns: a new tensor
-- Errors: there are more pads than dimensions, or nothing to continue
-- From: PyTorch, NumPy
-- Example:
--   torch.pad(torch.Tensor { 1, 2, 3 }, { 1, 2 }):size(1) --> 6
--   torch.pad(torch.Tensor { 1, 2, 3 }, { 2, 0 }, "reflect")[1] --> 3.0
function torch.pad(x, pads, mode, value)
  check.tensor("pad", x)
  mode = mode or "constant"
  if mode ~= "constant" and not sources[mode] then
    raise("torch.pad: mode is '%s', wanted 'constant', 'replicate', 'reflect', 'symmetric' or 'circular'",
      tostring(mode))
  end
  local of = read_pads(x, pads)
  local y = crop(x, of)
  if mode == "constant" then return constant(y, of, value or 0) end
  local copied = false
  for d, pad in pairs(of) do
    local n = y.shape[d]
    if pad[1] > 0 or pad[2] > 0 then
      copied = true
      if n == 0 then raise("torch.pad: dimension %d has no elements to continue", d) end
      local place = check.beside(y, torch.arange(n + pad[1] + pad[2])) - pad[1]
      y = torch.index(y, d, sources[mode](place, n) + 1)
    end
  end
  return copied and y or y:clone()
end

check.methods { "pad" }
