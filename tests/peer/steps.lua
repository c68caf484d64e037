-- steps: the kinds of steps that random programs are made of, for programs.lua.
--
-- Each kind is a function of the generator g that returns the step as Lua and as Python, and perhaps a guard:
-- a function of g that says whether the step keeps away from kinks and ties.  A kind that finds no operands
-- returns nil.  `fresh` kinds and `view` kinds give an expression, `write` kinds a statement on x.
local torch = require "torch"

local random = math.random
local steps = { fresh = {}, view = {}, write = {} }
local fresh, view, write = steps.fresh, steps.view, steps.write

local function pick(list)
  return list[random(#list)]
end

local function number()
  return ("%.2f"):format(pick { -1, 1 } * (random(30, 120) / 100))
end

local function both(lua, python, ...)
  return lua:format(...), python:format(...)
end

local function plain(g, name)
  return g.env[name]:detach()
end

-- No element of `name` is near v.
local function far(name, v)
  return function(g) return torch.add(plain(g, name), -v):abs():min() > 1e-3 end
end

-- No two elements are near each other.
local function distinct(name)
  return function(g)
    local x = plain(g, name):clone()
    if x:nElement() < 2 then return true end
    local sorted = torch.sort(x:view(x:nElement()))
    local n = x:nElement() - 1
    return torch.csub(sorted:narrow(1, 2, n), sorted:narrow(1, 1, n)):min() > 1e-3
  end
end

local function apart(a, b)
  return function(g) return torch.csub(plain(g, a), plain(g, b)):abs():min() > 1e-3 end
end

-- {2, 1} in Lua and [1, 0] in Python: places.
local function places(list, shape)
  local zero_based = {}
  for i, v in ipairs(list) do zero_based[i] = v - 1 end
  local lua = ("torch.LongTensor{%s}"):format(table.concat(list, ","))
  local python = ("torch.tensor([%s])"):format(table.concat(zero_based, ","))
  if shape then
    lua = ("%s:view(%s)"):format(lua, table.concat(shape, ","))
    python = ("%s.reshape(%s)"):format(python, table.concat(shape, ","))
  end
  return lua, python
end

local function random_places(n, below)
  local list = {}
  for i = 1, n do list[i] = random(below) end
  return list
end

local function shuffled(n)
  local list = {}
  for i = 1, n do list[i] = i end
  for i = n, 2, -1 do
    local j = random(i)
    list[i], list[j] = list[j], list[i]
  end
  return list
end

local function numel(shape)
  local n = 1
  for _, size in ipairs(shape) do n = n * size end
  return n
end

-- ---- new values -------------------------------------------------------------------------

local smooth = {
  { "torch.tanh(%s)", "torch.tanh(%s)" }, { "torch.sigmoid(%s)", "torch.sigmoid(%s)" },
  { "torch.sin(%s)", "torch.sin(%s)" }, { "torch.cos(%s)", "torch.cos(%s)" },
  { "torch.exp(torch.tanh(%s))", "torch.exp(torch.tanh(%s))" }, { "torch.neg(%s)", "-%s" },
  { "torch.square(%s)", "torch.square(%s)" },
  { "torch.log(torch.square(%s) + 0.5)", "torch.log(torch.square(%s) + 0.5)" },
  { "torch.sqrt(torch.square(%s) + 0.5)", "torch.sqrt(torch.square(%s) + 0.5)" },
  { "torch.softplus(%s)", "F.softplus(%s)" }, { "torch.pow(%s, 3)", "torch.pow(%s, 3)" },
  { "torch.cinv(torch.square(%s) + 1)", "torch.reciprocal(torch.square(%s) + 1)" },
  { "%s:clone()", "%s.clone()" },
  { "%s:contiguous()", "%s.contiguous()" }, { "%s:detach()", "%s.detach()" }, { "-%s", "-%s" },
  { "torch.atan(%s)", "torch.atan(%s)" }, { "torch.erf(%s)", "torch.erf(%s)" },
  { "scalar(torch.sum(%s))", "%s.sum()" }, { "scalar(torch.mean(%s))", "%s.mean()" },
  { "scalar(torch.prod(torch.sin(%s)))", "torch.sin(%s).prod()" },
}

function fresh.smooth(g)
  local f = pick(smooth)
  return both(f[1], f[2], g:any())
end

function fresh.number(g)
  local f = pick { { "%s + %s", "%s + %s" }, { "%s * %s", "%s * %s" }, { "%s - %s", "%s - %s" },
    { "torch.div(%s, %s)", "%s / %s" } }
  return both(f[1], f[2], g:any(), number())
end

function fresh.from_number(g)
  return both("%s - %s", "%s - %s", number(), g:any())
end

function fresh.kinked(g)
  local f = pick { { "torch.abs(%s)", "torch.abs(%s)" }, { "torch.relu(%s)", "torch.relu(%s)" } }
  local a = g:any()
  local lua, python = both(f[1], f[2], a)
  return lua, python, far(a, 0)
end

function fresh.clamp(g)
  local a = g:any()
  local low, high = far(a, -0.6), far(a, 0.7)
  local lua, python = both("torch.clamp(%s, -0.6, 0.7)", "torch.clamp(%s, -0.6, 0.7)", a)
  return lua, python, function(...) return low(...) and high(...) end
end

function fresh.binary(g)
  local f = pick { { "%s + %s", "%s + %s" }, { "%s - %s", "%s - %s" }, { "torch.cmul(%s, %s)", "%s * %s" },
    { "torch.cdiv(%s, torch.square(%s) + 1)", "%s / (torch.square(%s) + 1)" },
    { "torch.add(%s, 0.5, %s)", "torch.add(%s, %s, alpha=0.5)" } }
  local a = g:any()
  local b = g:onto(g:shape(a))
  if random(2) == 1 then a, b = b, a end
  return both(f[1], f[2], a, b)
end

function fresh.extreme(g)
  local a = g:any()
  local b = g:of(g:shape(a))
  local f = pick { "max", "min" }
  return ("torch.c%s(%s, %s)"):format(f, a, b), ("torch.%simum(%s, %s)"):format(f, a, b), apart(a, b)
end

function fresh.ternary(g)
  local a = g:any()
  local b, c = g:onto(g:shape(a)), g:onto(g:shape(a))
  return both("torch.addcmul(%s, 0.5, %s, %s)", "torch.addcmul(%s, %s, %s, value=0.5)", a, b, c)
end

function fresh.lerp(g)
  local a = g:any()
  return both("torch.lerp(%s, %s, 0.3)", "torch.lerp(%s, %s, 0.3)", a, g:of(g:shape(a)))
end

function fresh.where(g)
  local a = g:any()
  local b, c = g:onto(g:shape(a)), g:onto(g:shape(a))
  local lua, python = both("torch.where(torch.gt(%s, 0.1), %s, %s)", "torch.where(%s > 0.1, %s, %s)", a, b, c)
  return lua, python, far(a, 0.1)
end

local function matrix(g, name)
  local s = g:shape(name)
  return #s == 2 and s
end

function fresh.mm(g)
  local a = g:any(2)
  if not a then return nil end
  local b = g:of { matrix(g, a)[2], random(3) }
  return both(pick { "torch.mm(%s, %s)", "%s * %s", "torch.matmul(%s, %s)" }, "%s @ %s", a, b)
end

function fresh.mv(g)
  local a = g:any(2)
  if not a then return nil end
  return both(pick { "torch.mv(%s, %s)", "%s * %s" }, "%s @ %s", a, g:of { matrix(g, a)[2] })
end

function fresh.dot(g)
  local a = g:any(1)
  if not a then return nil end
  return both("scalar(torch.dot(%s, %s))", "torch.dot(%s, %s)", a, g:of(g:shape(a)))
end

function fresh.ger(g)
  local a, b = g:any(1), g:any(1)
  if not a or not b then return nil end
  return both("torch.ger(%s, %s)", "torch.outer(%s, %s)", a, b)
end

function fresh.bmm(g)
  local a = g:any(3)
  if not a then return nil end
  local s = g:shape(a)
  local b = g:of { s[1], s[3], random(3) }
  return both(pick { "torch.bmm(%s, %s)", "torch.matmul(%s, %s)" }, "plain(%s) @ %s", a, b)
end

function fresh.matmul(g)
  local a = g:any(3)
  if not a then return nil end
  local s = g:shape(a)
  return both("torch.matmul(%s, %s)", "torch.matmul(plain(%s), %s)", a, g:of(pick { { s[3] }, { s[3], 2 } }))
end

function fresh.addmm(g)
  local a = g:any(2)
  if not a then return nil end
  local s, n = matrix(g, a), random(3)
  return both("torch.addmm(%s, %s, %s)", "torch.addmm(%s, %s, %s)", g:of { s[1], n }, a, g:of { s[2], n })
end

local function along(g, least)
  local a = g:any()
  local s = g:shape(a)
  if #s == 0 then return nil end
  local dim = random(#s)
  if s[dim] < (least or 1) then return nil end
  return a, dim, s
end

function fresh.reduce(g)
  local a, dim = along(g)
  if not a then return nil end
  local f, keep = pick { "sum", "mean", "prod" }, random(2) == 1
  return ("scalar(torch.%s(%s, %d, %s))"):format(f, a, dim, keep),
    ("torch.%s(%s, %d, %s)"):format(f, a, dim - 1, keep and "True" or "False")
end

function fresh.spread(g)
  local a, dim = along(g, 2)
  if not a then return nil end
  local f = pick { { "scalar(torch.var(%s, %d, false, true))", "%s.var(%d, unbiased=True, keepdim=True)" },
    { "scalar(torch.std(%s, %d, false, true))", "%s.std(%d, unbiased=True, keepdim=True)" },
    { "scalar(torch.norm(%s, 2, %d, true))", "%s.norm(2, %d, keepdim=True)" } }
  local guard, nonzero = distinct(a), far(a, 0)
  return f[1]:format(a, dim), f[2]:format(a, dim - 1), function(...) return guard(...) and nonzero(...) end
end

function fresh.ordered(g)
  local a, dim = along(g)
  if not a then return nil end
  local f = pick { { "(torch.sort(%s, %d))", "torch.sort(%s, %d)[0]" },
    { "(torch.sort(%s, %d, true))", "torch.sort(%s, %d, True)[0]" },
    { "scalar((torch.max(%s, %d, true)))", "torch.max(%s, %d, True)[0]" },
    { "scalar((torch.min(%s, %d, true)))", "torch.min(%s, %d, True)[0]" } }
  return f[1]:format(a, dim), f[2]:format(a, dim - 1), distinct(a)
end

function fresh.scan(g)
  local a, dim = along(g)
  if not a then return nil end
  local f = pick { "cumsum", "cumsum", "cumprod" }
  return ("torch.%s(%s, %d)"):format(f, a, dim), ("torch.%s(%s, %d)"):format(f, a, dim - 1)
end

function fresh.softmax(g)
  local a, d = along(g)
  if not a then return nil end
  return ("torch.cdiv(torch.exp(torch.tanh(%s)), torch.exp(torch.tanh(%s)):sum(%d, true))"):format(a, a, d),
    ("torch.exp(torch.tanh(%s)) / torch.exp(torch.tanh(%s)).sum(%d, True)"):format(a, a, d - 1)
end

function fresh.index(g)
  local a, dim, s = along(g)
  if not a then return nil end
  local lua, python = places(random_places(random(3), s[dim]))
  return ("torch.index(%s, %d, %s)"):format(a, dim, lua),
    ("%s.index_select(%d, %s)"):format(a, dim - 1, python)
end

function fresh.gather(g)
  local a, dim, s = along(g)
  if not a then return nil end
  local shape = { table.unpack(s) }
  shape[dim] = random(3)
  local lua, python = places(random_places(numel(shape), s[dim]), shape)
  return ("torch.gather(%s, %d, %s)"):format(a, dim, lua), ("%s.gather(%d, %s)"):format(a, dim - 1, python)
end

function fresh.cat(g)
  local a, dim, s = along(g)
  if not a then return nil end
  local b = g:of(s)
  return ("torch.cat({%s, %s}, %d)"):format(a, b, dim), ("torch.cat([%s, %s], %d)"):format(a, b, dim - 1)
end

function fresh.stack(g)
  local a = g:any()
  local s = g:shape(a)
  if #s > 3 then return nil end
  local dim = random(#s + 1)
  local b = g:of(s)
  return ("torch.stack({%s, %s}, %d)"):format(a, b, dim), ("torch.stack([%s, %s], %d)"):format(a, b, dim - 1)
end

function fresh.triangle(g)
  local a = g:any(2)
  if not a then return nil end
  local f = pick { "torch.tril(%s)", "torch.triu(%s)", "torch.diag(%s)" }
  return both(f, f, a)
end

function fresh.mask(g)
  local a = g:any()
  if #g:shape(a) == 0 then return nil end
  local b = g:of(g:shape(a))
  local lua, python = both("torch.maskedSelect(%s, torch.gt(%s, 0.1))", "%s[%s > 0.1]", a, b)
  local split = far(b, 0.1)
  return lua, python, function(vars) return split(vars) and plain(vars, b):max() > 0.1 end
end

-- The gradient of one tensor's sum by another, in the middle of the program.
function fresh.gradient(g)
  local a, b = g:tracked(), g:tracked(true)
  if not a or not b then return nil end
  local graph = random(2) == 1
  return ("gradient(%s, %s, %s)"):format(a, b, graph),
    ("gradient(%s, %s, %s)"):format(a, b, graph and "True" or "False")
end

-- ---- views ------------------------------------------------------------------------------

function view.narrow(g)
  local a, dim, s = along(g)
  if not a then return nil end
  local first = random(s[dim])
  local size = random(s[dim] - first + 1)
  return ("%s:narrow(%d, %d, %d)"):format(a, dim, first, size),
    ("%s.narrow(%d, %d, %d)"):format(a, dim - 1, first - 1, size)
end

function view.select(g)
  local a, dim, s = along(g)
  if not a then return nil end
  local at = random(s[dim])
  return ("torch.select(%s, %d, %d)"):format(a, dim, at), ("%s.select(%d, %d)"):format(a, dim - 1, at - 1)
end

function view.transpose(g)
  local a = g:any()
  local n = #g:shape(a)
  if n < 2 then return nil end
  local i, j = random(n), random(n)
  return ("%s:transpose(%d, %d)"):format(a, i, j), ("%s.transpose(%d, %d)"):format(a, i - 1, j - 1)
end

function view.permute(g)
  local a = g:any(3)
  if not a then return nil end
  local order = shuffled(3)
  return ("%s:permute(%d, %d, %d)"):format(a, table.unpack(order)),
    ("%s.permute(%d, %d, %d)"):format(a, order[1] - 1, order[2] - 1, order[3] - 1)
end

local function other_shape(n)
  local first = pick { 1, 2, 3, n }
  if n % first ~= 0 then first = n end
  return pick { { n }, { first, n // first }, { n // first, first }, { first, 1, n // first } }
end

function view.view(g)
  local a = g:any()
  local sizes = table.concat(other_shape(numel(g:shape(a))), ", ")
  local method = g.env[a]:isContiguous() and "view" or "reshape"
  return ("%s:%s(%s)"):format(a, method, sizes), ("%s.%s(%s)"):format(a, method, sizes)
end

function view.expand(g)
  local a = g:any()
  local s = { table.unpack(g:shape(a)) }
  for d, size in ipairs(s) do
    if size == 1 and random(2) == 1 then s[d] = random(3) end
  end
  if #s < 3 and random(2) == 1 then table.insert(s, 1, random(2)) end
  if #s == 0 then return nil end
  local sizes = table.concat(s, ", ")
  return ("%s:expand(%s)"):format(a, sizes), ("%s.expand(%s)"):format(a, sizes), nil, true
end

function view.unsqueeze(g)
  local a = g:any()
  local n = #g:shape(a)
  if n > 3 then return nil end
  local dim = random(n + 1)
  return ("%s:unsqueeze(%d)"):format(a, dim), ("%s.unsqueeze(%d)"):format(a, dim - 1)
end

function view.squeeze(g)
  local a, dim = along(g)
  if not a then return nil end
  if random(2) == 1 then return both("%s:squeeze()", "%s.squeeze()", a) end
  return ("%s:squeeze(%d)"):format(a, dim), ("%s.squeeze(%d)"):format(a, dim - 1)
end

function view.unfold(g)
  local a, dim, s = along(g)
  if not a or #s > 3 then return nil end
  local size, step = random(s[dim]), random(2)
  return ("%s:unfold(%d, %d, %d)"):format(a, dim, size, step),
    ("%s.unfold(%d, %d, %d)"):format(a, dim - 1, size, step), nil, size > step
end

function view.diagonal(g)
  local a = g:any(2)
  if not a then return nil end
  local s = g:shape(a)
  local k = random(1 - s[1], s[2] - 1)
  return ("%s:diagonal(%d)"):format(a, k), ("%s.diagonal(%d)"):format(a, k)
end

-- The inside of x[{..}] and of Python's x[..]: at least one range; and the shape that it leaves.
local function region(s)
  local lua, python, left, kept = {}, {}, {}, random(#s)
  for d = 1, random(kept, #s) do
    local kind = d == kept and random(2) or random(3)
    local from = random(s[d])
    local to, by = random(from, s[d]), random(2)
    if kind == 1 then
      lua[d], python[d] = "{}", ":"
      left[#left + 1] = s[d]
    elseif kind == 2 then
      lua[d] = ("{%d, %d, %d}"):format(from, to, by)
      python[d] = ("%d:%d:%d"):format(from - 1, to, by)
      left[#left + 1] = (to - from) // by + 1
    else
      lua[d], python[d] = tostring(from), tostring(from - 1)
    end
  end
  for d = #lua + 1, #s do left[#left + 1] = s[d] end
  return ("[{ %s }]"):format(table.concat(lua, ", ")), ("[%s]"):format(table.concat(python, ", ")), left
end

function view.slice(g)
  local a, _, s = along(g)
  if not a then return nil end
  local lua, python = region(s)
  return a .. lua, a .. python
end

function view.split(g)
  local a, dim, s = along(g)
  if not a then return nil end
  local size = random(s[dim])
  local at = random((s[dim] + size - 1) // size)
  return ("torch.split(%s, %d, %d)[%d]"):format(a, size, dim, at),
    ("split(%s, %d, %d, %d)"):format(a, size, dim - 1, at - 1)
end

-- ---- in place ---------------------------------------------------------------------------

local in_place = {
  { "tanh()", "tanh_()" }, { "sigmoid()", "sigmoid_()" }, { "sin()", "sin_()" }, { "cos()", "cos_()" },
  { "neg()", "neg_()" }, { "square()", "square_()" }, { "tanh():exp()", "tanh_().exp_()" },
  { "zero()", "zero_()" }, { "fill(0.3)", "fill_(0.3)" }, { "pow(2)", "pow_(2)" },
  { "add(0.7)", "add_(0.7)" }, { "mul(-0.8)", "mul_(-0.8)" },
  { "div(1.5)", "div_(1.5)" }, { "square():add(0.5):sqrt()", "square_().add_(0.5).sqrt_()" },
  { "square():add(0.5):log()", "square_().add_(0.5).log_()" },
}

function write.unary(_, x)
  local f = pick(in_place)
  return x .. ":" .. f[1], x .. "." .. f[2]
end

function write.clamp(_, x)
  local low, high = far(x, -0.6), far(x, 0.7)
  local lua, python = both("%s:clamp(-0.6, 0.7)", "%s.clamp_(-0.6, 0.7)", x)
  return lua, python, function(...) return low(...) and high(...) end
end

function write.relu(_, x)
  local lua, python = both("%s:relu()", "%s.relu_()", x)
  return lua, python, far(x, 0)
end

function write.binary(g, x)
  local f = pick { { "%s:add(%s)", "%s.add_(apart(%s, %s))" }, { "%s:csub(%s)", "%s.sub_(apart(%s, %s))" },
    { "%s:cmul(%s)", "%s.mul_(apart(%s, %s))" }, { "%s:add(0.5, %s)", "%s.add_(apart(%s, %s), alpha=0.5)" },
    { "%s:cdiv(torch.square(%s) + 1)", "%s.div_(torch.square(%s) + 1)" } }
  local y = random(8) == 1 and x or g:onto(g:shape(x))
  return f[1]:format(x, y), f[2]:format(x, y, x)
end

function write.copy(g, x)
  local y = g:of(g:shape(x))
  return ("%s:copy(%s)"):format(x, y), ("%s.copy_(apart(%s, %s))"):format(x, y, x)
end

-- Torch7's forms with a place for the result.
function write.result(g, x)
  local s = g:shape(x)
  local y = g:of(s)
  local f = pick { { "torch.mul(%s, %s, 0.7)", "%s * 0.7" }, { "%s:tanh(%s)", "torch.tanh(%s)" },
    { "%s:cos(%s)", "torch.cos(%s)" }, { "torch.square(%s, %s)", "torch.square(%s)" } }
  if #s == 2 and random(2) == 1 then
    local a, b = g:of { s[1], 2 }, g:of { 2, s[2] }
    return ("torch.mm(%s, %s, %s)"):format(x, a, b), ("into(%s, %s @ %s)"):format(x, a, b)
  end
  return f[1]:format(x, y), ("into(%s, %s)"):format(x, f[2]:format(y))
end

function write.ternary(g, x)
  local y, z = g:onto(g:shape(x)), g:onto(g:shape(x))
  return ("%s:addcmul(0.5, %s, %s)"):format(x, y, z),
    ("%s.addcmul_(apart(%s, %s), apart(%s, %s), value=0.5)"):format(x, y, x, z, x)
end

function write.lerp(g, x)
  local y = g:of(g:shape(x))
  return ("%s:lerp(%s, 0.3)"):format(x, y), ("%s.lerp_(apart(%s, %s), 0.3)"):format(x, y, x)
end

function write.product(g, x)
  local s = g:shape(x)
  if #s ~= 2 then return nil end
  local a, b = g:of { s[1], 2 }, g:of { 2, s[2] }
  return ("%s:addmm(%s, %s)"):format(x, a, b), ("%s.add_(%s @ %s)"):format(x, a, b)
end

function write.region(g, x)
  local s = g:shape(x)
  if #s == 0 then return nil end
  local lua, python, left = region(s)
  if random(3) == 1 then return ("%s%s = 0.4"):format(x, lua), ("%s%s = 0.4"):format(x, python) end
  local y = g:of(left)
  return ("%s%s = %s"):format(x, lua, y), ("%s%s = apart(%s, %s)"):format(x, python, y, x)
end

local function placed(g, x, unique)
  local s = { table.unpack(g:shape(x)) }
  if #s == 0 then return nil end
  local dim = random(#s)
  local list = unique and shuffled(s[dim]) or random_places(random(3), s[dim])
  if unique then list = { table.unpack(list, 1, random(#list)) } end
  s[dim] = #list
  local lua, python = places(list)
  return dim, lua, python, s
end

function write.index_add(g, x)
  local dim, lua, python, s = placed(g, x)
  if not dim then return nil end
  local y = g:of(s)
  return ("%s:indexAdd(%d, %s, %s)"):format(x, dim, lua, y),
    ("%s.index_add_(%d, %s, apart(%s, %s))"):format(x, dim - 1, python, y, x)
end

function write.index_copy(g, x)
  local dim, lua, python, s = placed(g, x, true)
  if not dim then return nil end
  local y = g:of(s)
  return ("%s:indexCopy(%d, %s, %s)"):format(x, dim, lua, y),
    ("%s.index_copy_(%d, %s, apart(%s, %s))"):format(x, dim - 1, python, y, x)
end

function write.index_fill(g, x)
  local dim, lua, python = placed(g, x, true)
  if not dim then return nil end
  return ("%s:indexFill(%d, %s, 0.2)"):format(x, dim, lua),
    ("%s.index_fill_(%d, %s, 0.2)"):format(x, dim - 1, python)
end

local function scattered(g, x, name, python_name, unique)
  local s = g:shape(x)
  if #s == 0 then return nil end
  local dim = random(#s)
  local shape, list = { table.unpack(s) }, {}
  shape[dim] = unique and 1 or random(3)
  for i = 1, numel(shape) do list[i] = random(s[dim]) end
  local lua, python = places(list, shape)
  local y = g:of(shape)
  return ("%s:%s(%d, %s, %s)"):format(x, name, dim, lua, y),
    ("%s.%s(%d, %s, apart(%s, %s))"):format(x, python_name, dim - 1, python, y, x)
end

function write.scatter(g, x)
  return scattered(g, x, "scatter", "scatter_", true)
end

function write.scatter_add(g, x)
  return scattered(g, x, "scatterAdd", "scatter_add_", false)
end

function write.masked_fill(g, x)
  if #g:shape(x) == 0 then return nil end
  local y = g:of(g:shape(x))
  return ("%s:maskedFill(torch.gt(%s, 0.1), 0.6)"):format(x, y),
    ("%s.masked_fill_(%s > 0.1, 0.6)"):format(x, y), far(y, 0.1)
end

function write.masked_copy(g, x)
  local s = g:shape(x)
  if #s == 0 then return nil end
  local y, z = g:of(s), g:of(s)
  return ("%s:maskedCopy(torch.gt(%s, 0.1), %s)"):format(x, y, z),
    ("put(%s, %s > 0.1, %s)"):format(x, y, z), far(y, 0.1)
end

return steps
