-- rearrange: shapes written as patterns, 'b (h w) c -> b c h w', in the notation of einops.

local torch = require "torch"
local check = require "torch.check"

-- ---- reading a pattern -----------------------------------------------------------------------------

-- What is going on, for messages.
local function fail(job, message, ...)
  check.raise("torch.%s: %s in '%s'", job.fn, message:format(...), job.pattern)
end

-- One side as a list of groups, each a list of axis names; '1' and '()' are empty groups.
local function parse_side(job, text)
  local groups, open, seen = {}, nil, {}
  local rest = text:gsub("%.%.%.", " … "):gsub("[()]", " %0 ")
  for word in rest:gmatch("%S+") do
    if word == "(" then
      if open then fail(job, "a parenthesis inside another") end
      open = {}
    elseif word == ")" then
      if not open then fail(job, "')' without '('") end
      groups[#groups + 1], open = open, nil
    elseif word == "…" or word:match("^[%a_][%w_]*$") then
      if seen[word] then fail(job, "axis '%s' is there twice", word == "…" and "..." or word) end
      seen[word] = true
      if open then
        open[#open + 1] = word
      else
        groups[#groups + 1] = { word, bare = word == "…" }
      end
    elseif word:match("^%d+$") then
      local axis = { word, fixed = tonumber(word) }
      if axis.fixed == 1 then
        if not open then groups[#groups + 1] = {} end
      elseif not job.may_add then
        fail(job, "a size of %s (only 1 may stand for itself)", word)
      else
        local name = ("%s #%d"):format(word, #groups)
        job.sizes[name] = axis.fixed
        if open then open[#open + 1] = name else groups[#groups + 1] = { name } end
      end
    else
      fail(job, "'%s' is no axis", word)
    end
  end
  if open then fail(job, "'(' without ')'") end
  return groups
end

local function parse(fn, x, pattern, sizes, may_add)
  check.tensor(fn, x)
  if type(pattern) ~= "string" then
    check.raise("torch.%s: the pattern is a %s, wanted a string", fn, torch.type(pattern))
  end
  local job = { fn = fn, pattern = pattern, sizes = {} }
  local left, right = pattern:match("^(.-)%->(.*)$")
  if not left or right:find("->", 1, true) then fail(job, "one '->' is wanted") end
  for name, size in pairs(sizes or {}) do
    job.sizes[name] = check.whole(fn, "the size of axis '" .. tostring(name) .. "'", size, 0)
  end
  job.left = parse_side(job, left)
  job.may_add = may_add
  job.right = parse_side(job, right)
  return job
end

-- ---- sizes -----------------------------------------------------------------------------------------

-- Puts as many axes as the tensor has left in the place of '...', on both sides.
local function expand_dots(job, x)
  local n, shape = #x.shape - #job.left, x.shape
  local dots, where
  for g, group in ipairs(job.left) do
    if group.bare then dots, where = n + 1, g end
    for _, name in ipairs(group) do
      if name == "…" and not group.bare then fail(job, "'...' in parentheses on the left") end
    end
  end
  if (not dots and n ~= 0) or (dots and dots < 0) then
    fail(job, "a tensor of shape %s for %d axes", check.shape_text(x), #job.left - (dots and 1 or 0))
  end
  local names = {}
  for i = 1, dots or 0 do
    names[i] = "…" .. i
    job.sizes[names[i]] = shape[where + i - 1]
  end
  local function widen(groups)
    local out = {}
    for _, group in ipairs(groups) do
      local wide = {}
      for _, name in ipairs(group) do
        if name ~= "…" then
          wide[#wide + 1] = name
        elseif not dots then
          fail(job, "'...' only on the right")
        elseif group.bare then
          for _, one in ipairs(names) do out[#out + 1] = { one } end
        else
          table.move(names, 1, #names, #wide + 1, wide)
        end
      end
      if not group.bare then out[#out + 1] = wide end
    end
    return out
  end
  job.left, job.right = widen(job.left), widen(job.right)
end

-- The sizes of all axes of the left side from the tensor's shape; one axis of a group may be unknown.
local function solve(job, x)
  for d, group in ipairs(job.left) do
    local known, unknown = 1, nil
    for _, name in ipairs(group) do
      local size = job.sizes[name]
      if size then
        known = known * size
      elseif unknown then
        fail(job, "the sizes of both '%s' and '%s' are unknown", unknown, name)
      else
        unknown = name
      end
    end
    local size = x.shape[d]
    if unknown and known > 0 and size % known == 0 then
      job.sizes[unknown] = size // known
    elseif unknown or known ~= size then
      fail(job, "dimension %d has size %d, which does not fit (%s) of %d", d, size,
        table.concat(group, " "), known)
    end
  end
end

local function flat(groups)
  local names, place = {}, {}
  for _, group in ipairs(groups) do
    for _, name in ipairs(group) do
      names[#names + 1] = name
      place[name] = #names
    end
  end
  if #names > 16 then check.raise("torch.rearrange: more than 16 axes") end
  return names, place
end

local function sizes_of(job, names)
  local shape = {}
  for i, name in ipairs(names) do shape[i] = job.sizes[name] end
  return shape
end

-- ---- the three functions ---------------------------------------------------------------------------

-- x cut into elementary axes, reduced over those the right side lacks, expanded by those that it adds,
-- in the right side's order.
local function run(job, x, reduce)
  expand_dots(job, x)
  solve(job, x)
  local from, have = flat(job.left)
  local to, want = flat(job.right)
  local gone, kept, place = {}, {}, {}
  for i, name in ipairs(from) do
    if want[name] then
      kept[#kept + 1] = name
      place[name] = #kept
    elseif reduce then
      gone[#gone + 1] = i
    else
      fail(job, "axis '%s' is only on the left", name)
    end
  end
  local y = torch.reshape(x, sizes_of(job, from))
  if #gone > 0 then y = torch.reshape(reduce(y, gone), sizes_of(job, kept)) end
  local order, thin, wide = {}, {}, {}
  for i, name in ipairs(to) do
    if not have[name] and not job.may_add then fail(job, "axis '%s' is only on the right", name) end
    if not job.sizes[name] then fail(job, "the size of axis '%s' is unknown", name) end
    if have[name] then order[#order + 1] = place[name] end
    wide[i] = job.sizes[name]
    thin[i] = have[name] and wide[i] or 1
  end
  y = torch.expand(torch.reshape(torch.permute(y, order), thin), wide)
  local shape = {}
  for g, group in ipairs(job.right) do
    shape[g] = 1
    for _, name in ipairs(group) do shape[g] = shape[g] * job.sizes[name] end
  end
  return torch.reshape(y, shape)
end

--- torch.rearrange(x, pattern [, sizes])
-- x:rearrange(pattern [, sizes])
--
-- Reorders, cuts and joins dimensions as a pattern says.  Both sides of '->' name the same axes; axes in
-- parentheses lie in one dimension; '...' stands for any number of dimensions, 1 for one of size 1.
--
-- x: tensor of any type
-- pattern: a string such as 'b (h w) c -> b c h w'
-- sizes: a table of the sizes that the shape does not tell, {h = 4}
-- Returns: a view where possible, else a copy
-- Errors: the pattern does not fit x; the message quotes it
-- From: A. Rogozhnikov, Einops: clear and reliable tensor manipulations with Einstein-like notation, 2022
-- Example:
--   torch.rearrange(torch.zeros(2, 12, 3), "b (h w) c -> b c h w", { h = 4 }).shape[4] --> 3
function torch.rearrange(x, pattern, sizes)
  return run(parse("rearrange", x, pattern, sizes), x)
end

local reductions = {
  sum = function(x, dims) return torch.sum(x, dims) end,
  mean = function(x, dims) return torch.mean(x, dims) end,
  prod = function(x, dims) return torch.prod(x, dims) end,
  max = function(x, dims) return torch.amax(x, dims, true) end,
  min = function(x, dims) return torch.amin(x, dims, true) end,
  any = function(x, dims) return torch.any(x, dims) end,
  all = function(x, dims) return torch.all(x, dims) end,
}

--- torch.einreduce(x, pattern, reduction [, sizes])
-- x:einreduce(pattern, reduction [, sizes])
--
-- torch.rearrange that also reduces over the axes which the right side does not name.
--
-- x: tensor
-- pattern: a string such as 'b (h 2) (w 2) c -> b h w c'; sizes other than 1 need a name
-- reduction: 'sum', 'mean', 'max', 'min', 'prod', 'any', 'all', or a function(x, dims)
-- sizes: a table of the sizes that the shape does not tell
-- Returns: a new tensor; of no dimensions when nothing is left
-- From: einops, reduce
-- Example:
--   torch.einreduce(torch.ones(2, 6), "a (b c) -> a b", "sum", { c = 2 })[1][3] --> 2.0
function torch.einreduce(x, pattern, reduction, sizes)
  local reduce = reductions[reduction]
  if type(reduction) == "function" then
    reduce = function(y, dims)
      local r = reduction(y, dims)
      return torch.isTensor(r) and r or torch.scalar(r, y.dtype)
    end
  end
  if not reduce then
    check.raise("torch.einreduce: there is no reduction '%s'", tostring(reduction))
  end
  return run(parse("einreduce", x, pattern, sizes), x, reduce)
end

--- torch.einrepeat(x, pattern [, sizes])
-- x:einrepeat(pattern [, sizes])
--
-- torch.rearrange whose right side may name new axes, along which x is repeated.
--
-- x: tensor of any type
-- pattern: a string such as 'h w -> h w c' or 'h w -> (h 2) w'
-- sizes: a table with the sizes of the new axes
-- Returns: a view where possible, else a copy
-- From: einops, repeat
-- Example:
--   torch.einrepeat(torch.Tensor { 1, 2 }, "a -> (a r)", { r = 2 })[2] --> 1.0
function torch.einrepeat(x, pattern, sizes)
  return run(parse("einrepeat", x, pattern, sizes, true), x)
end

check.methods { "rearrange", "einreduce", "einrepeat" }
