-- programs: random programs of tensor operators with views, writes in place and shared subexpressions, run
-- here and written as Python with what they gave, for programs.py.
--
--   cresset tests/peer/programs.lua PROGRAMS SEED [STEPS]
--
-- Program i is made from seed SEED + i - 1.  STEPS, as in 1,4,5, runs only those steps of each: programs.py
-- makes a program that differs small in this way.
local torch = require "torch"
local steps = dofile "tests/peer/steps.lua"

local random = math.random
local programs, first_seed = tonumber(arg[1] or 1000), tonumber(arg[2] or 1)
local only
if arg[3] then
  only = {}
  for i in arg[3]:gmatch "%d+" do only[tonumber(i)] = true end
end

-- ---- what programs may use --------------------------------------------------------------

-- The same numbers as programs.py's K.
local function K(seed, ...)
  local x = torch.DoubleTensor(1)
  local shape, n = { ... }, 1
  for _, size in ipairs(shape) do n = n * size end
  x:resize(n)
  for i = 1, n do x[i] = 1.5 * math.sin(seed * 1.7 + i * i * 2.3) end
  return #shape == 0 and torch.scalar(x[1], "float64") or x:resize(torch.LongStorage(shape))
end

-- A leaf may be a view of something else.
local function leaf(seed, ...)
  local x = K(seed, ...)
  return (x:dim() > 0 and x:view(...) or x):requireGrad()
end

-- A full reduction of what needs no gradient is a number.
local function scalar(x)
  return torch.isTensor(x) and x or torch.scalar(x, "float64")
end

-- A sum with different weights, so that no gradient is lost in it.
local function weighed(x, seed)
  if x:dim() == 0 then return x * (1 + seed / 8) end
  return torch.sum(torch.cmul(x, K(seed, table.unpack(x.shape))))
end

local function plus(sum, x)
  return sum and sum + x or x
end

local function given(gradient, x)
  return gradient or torch.zerosLike(x:detach())
end

local function gradient(y, x, create)
  return given(torch.grad(weighed(y, 1), x, nil, { retainGraph = true, createGraph = create }), x):clone()
end

local function gradients(y, xs, create)
  local list = torch.grad(y, xs, nil, { createGraph = create })
  for i, x in ipairs(xs) do list[i] = given(list[i], x) end
  return table.unpack(list)
end

local function squares(sum, x, seed)
  if not x.requiresGrad then return sum end
  return plus(sum, weighed(torch.square(x), seed))
end

local function environment()
  local env = { torch = torch, K = K, leaf = leaf, scalar = scalar, weighed = weighed, plus = plus,
    gradient = gradient, gradients = gradients, squares = squares }
  function env.backward(x, ...)
    for _, t in pairs(env) do -- has views that keep their gradient find out that their base was written
      if torch.isTensor(t) then local _ = t.requiresGrad end
    end
    if x then x:backward(...) end
  end
  return env
end

-- ---- a program --------------------------------------------------------------------------

local program = {}
program.__index = program

local function new_program(seed)
  math.randomseed(seed)
  return setmetatable({ env = environment(), steps = {}, names = {}, count = 0,
    leaves = {}, overlaps = {}, base = {} }, program)
end

function program:shape(name)
  return self.env[name].shape
end

local function holds(self, step)
  for name in step.lua:gmatch "%f[%w]%a%d+%f[%W]" do
    local made = name:find "^[LM]" or (step.gives or ""):find("%f[%w]" .. name .. "%f[%W]")
    if not made and not self.env[name] then return false end
  end
  if not step.guard then return true end
  local ok, away = pcall(step.guard, self) -- of a shortened program it may not make sense
  return ok and away
end

-- Runs a step; false: it is not meant to run.
local function run(self, step)
  if not holds(self, step) then return false end
  local chunk = assert(load(step.lua, "=" .. step.lua, "t", self.env))
  local ok, why = pcall(chunk)
  if not ok then step.error = tostring(why) end
  return true
end

-- Adds a step and runs it.  Returns false when it is not meant to run or fails.
function program:step(lua, python, guard, gives)
  local step = { lua = lua, python = python, guard = guard, gives = gives }
  if not run(self, step) then return false end
  self.steps[#self.steps + 1] = step
  return not step.error
end

-- A new tensor from an expression; its name.
function program:value(lua, python, guard)
  self.count = self.count + 1
  local name = "t" .. self.count
  local done = self:step(("%s = %s"):format(name, lua), ("%s = %s"):format(name, python), guard, name)
  if not done then return nil end
  self.names[#self.names + 1] = name
  local source = lua:match "t%d+" -- x:squeeze(2) is x itself where there is nothing to squeeze
  if source and torch.pointer(self.env[source]) == torch.pointer(self.env[name]) then
    self.steps[#self.steps].python = ("%s = %s"):format(name, source)
  end
  return name
end

function program:constant(shape)
  local list = table.concat({ random(1000), table.unpack(shape) }, ", ")
  return self:value(("K(%s)"):format(list), ("K(%s)"):format(list))
end

-- The name of a tensor, oftener a late one; with so many dimensions, if there is one.
function program:any(dims)
  local last
  for _ = 1, 20 do
    local n = #self.names
    last = self.names[random(2) == 1 and random(n) or random(math.max(1, n - 5), n)]
    if not dims or #self:shape(last) == dims then return last end
  end
  return nil
end

-- One that requires a gradient.  As a `target` of gradients, no view of a leaf: where the leaf is written,
-- PyTorch makes the histories of other views of it anew, past this one.
function program:tracked(target)
  for _ = 1, 20 do
    local name = self:any()
    if self.env[name].requiresGrad and not (target and self.leaves[self.base[name]]) then return name end
  end
  return nil
end

-- A tensor of this shape, there already or new.
function program:of(shape)
  local found = {}
  for _, name in ipairs(self.names) do
    local s = self:shape(name)
    local same = #s == #shape
    for d = 1, #s do same = same and s[d] == shape[d] end
    if same then found[#found + 1] = name end
  end
  if #found > 0 and random(5) > 1 then return found[random(#found)] end
  return self:constant(shape)
end

-- A tensor that broadcasts to this shape.
function program:onto(shape)
  if random(2) == 1 then return self:of(shape) end
  local found = {}
  for _, name in ipairs(self.names) do
    local s = self:shape(name)
    local fits = #s <= #shape
    for d = 1, #s do fits = fits and (s[d] == 1 or s[d] == shape[#shape - #s + d]) end
    if fits then found[#found + 1] = name end
  end
  if #found > 0 and random(5) > 1 then return found[random(#found)] end
  local small = {}
  for d = 1, #shape do small[d] = random(3) == 1 and 1 or shape[d] end
  for _ = 1, random(0, 1) do table.remove(small, 1) end
  return self:constant(small)
end

-- ---- making one -------------------------------------------------------------------------

local kinds = {}
for _, group in ipairs { "fresh", "view", "write" } do
  kinds[group] = {}
  for name in pairs(steps[group]) do table.insert(kinds[group], name) end
  table.sort(kinds[group])
end

local function kind_of(group)
  return steps[group][kinds[group][random(#kinds[group])]]
end

local function magnitude(x)
  x = x:detach()
  return x:nElement() == 0 and 0 or torch.abs(x):max()
end

-- Values stay bounded, or differences would be of rounding alone.
local function bound(self, name)
  if magnitude(self.env[name]) <= 4 then return end
  if self.overlaps[name] or random(2) == 1 then
    self:value(("torch.tanh(%s)"):format(name), ("torch.tanh(%s)"):format(name))
    for i, other in ipairs(self.names) do
      if other == name then table.remove(self.names, i) end
    end
  else
    self:write(name, name .. ":tanh()", name .. ".tanh_()")
  end
end

-- A write to a leaf, or a view of it, is not recorded.  One that would lose a gradient is refused, as PyTorch
-- does.
function program:write(name, lua, python, guard)
  local to_leaf, plain = self.leaves[self.base[name] or name], python
  if to_leaf or random(12) == 1 then
    python = ("with torch.no_grad(): %s"):format(python)
    if not to_leaf then
      lua = ("torch.noGrad(function() %s end)"):format(lua:find "=" and lua or "return " .. lua)
    end
  elseif not lua:find "%] = " then
    lua = "local _ = " .. lua
  end
  local done = self:step(lua, python, guard)
  local last = self.steps[#self.steps]
  if to_leaf and last.error and last.lua == lua then last.python = plain end
  return done
end

local function add_write(self)
  local name
  for _ = 1, 10 do
    local candidate = self:any()
    local to_leaf = self.leaves[self.base[candidate] or candidate]
    if not self.overlaps[candidate] and (not to_leaf or random(40) == 1)
      and (self.base[candidate] or random(2) == 1) then
      name = candidate
      break
    end
  end
  if not name then return end
  local lua, python, guard = kind_of("write")(self, name)
  if lua and self:write(name, lua, python, guard) then bound(self, name) end
end

local function add_view(self)
  local before = #self.names
  local lua, python, guard, overlaps = kind_of("view")(self)
  if not lua or #self.names > before then return end
  local source = lua:match "t%d+"
  local name = self:value(lua, python, guard)
  if not name then return end
  self.overlaps[name] = overlaps or self.overlaps[source]
  local copied = torch.pointer(self.env[name]:storage()) ~= torch.pointer(self.env[source]:storage())
  if not copied then self.base[name] = self.base[source] or source end
end

local function add_fresh(self)
  local lua, python, guard = kind_of("fresh")(self)
  if not lua then return end
  local source = lua:match "^(t%d+):detach%(%)" or lua:match "^(t%d+):contiguous%(%)"
  if not source and not lua:find "gradient" and random(15) == 1 then
    self.count = self.count + 1
    local name = "t" .. self.count
    if self:step(("torch.noGrad(function() %s = %s end)"):format(name, lua),
      ("with torch.no_grad(): %s = plain(%s)"):format(name, python), guard, name) then
      self.names[#self.names + 1] = name
      bound(self, name)
    end
    return
  end
  if not source then python = ("plain(%s)"):format(python) end -- as our results are
  local name = self:value(lua, python, guard)
  if not name then return end
  self.overlaps[name] = source and self.overlaps[source]
  if source and not lua:find "detach" then self.base[name] = self.base[source] or source end
  bound(self, name)
end

local function add_leaves(self)
  for _ = 1, random(2, 4) do
    local shape = {}
    for d = 1, random(0, 3) do shape[d] = ({ 1, 2, 2, 3, 3, 4 })[random(6)] end
    local list = table.concat({ random(1000), table.unpack(shape) }, ", ")
    local name = self:value(("leaf(%s)"):format(list), ("leaf(%s)"):format(list))
    self.leaves[name] = true
  end
  if random(2) == 1 then self:constant { random(3), random(3) } end
end

local function add_retained(self)
  local name = self:tracked()
  if name and not self.leaves[self.base[name] or name] then
    self:step(("%s:retainGrad()"):format(name), ("retained.append(%s)"):format(name))
  end
end

local function sum_up(self)
  local roots = 0
  for try = 1, 10 do
    local name = self:tracked()
    if name and (roots == 0 or try <= 4) then
      local s = ("plus(L1, weighed(%s, %d))"):format(name, try)
      if self:step("L1 = " .. s, "L1 = " .. s) then roots = roots + 1 end
    end
  end
  return roots > 0
end

local finish = {}

function finish.once(self)
  self:step("backward(L1)", "backward(L1)")
end

function finish.twice(self)
  self:step("backward(L1, { retainGraph = true })", "backward(L1, retain_graph=True)")
  self:step("backward(L1)", "backward(L1)")
end

function finish.with_graph(self)
  self:step("backward(L1, { createGraph = true })", "backward(L1, create_graph=True)")
end

local function asked(self)
  local list, results = {}, {}
  for _, name in ipairs(self.names) do
    if self.leaves[name] then list[#list + 1] = name end
  end
  for _ = 1, random(0, 2) do list[#list + 1] = self:tracked(true) end
  for i = 1, #list do results[i] = "d" .. i end
  return table.concat(list, ", "), table.concat(results, ", "), #list
end

function finish.gradients(self)
  local list, results = asked(self)
  self:step(("%s = gradients(L1, {%s})"):format(results, list),
    ("%s, = gradients(L1, [%s])"):format(results, list), nil, results)
end

function finish.second(self)
  local list, results, n = asked(self)
  self:step(("%s = gradients(L1, {%s}, true)"):format(results, list),
    ("%s, = gradients(L1, [%s], True)"):format(results, list), nil, results)
  for i = 1, n do
    local s = ("squares(M1, d%d, %d)"):format(i, i)
    self:step("M1 = " .. s, "M1 = " .. s)
  end
  self:step("backward(M1)", "backward(M1)")
end

local function make(seed)
  local self = new_program(seed)
  add_leaves(self)
  local wanted = random(5, 30)
  for _ = 1, 2 * wanted do
    if #self.steps >= wanted then break end
    local kind = random(20)
    if kind <= 8 then add_fresh(self)
    elseif kind <= 13 then add_view(self)
    elseif kind <= 19 then add_write(self)
    else add_retained(self)
    end
  end
  local ways = { "once", "twice", "with_graph", "gradients", "second", "second" }
  if sum_up(self) then finish[ways[random(#ways)]](self) end
  return self
end

local function again(made)
  local self = new_program(0)
  for i, step in ipairs(made.steps) do
    local same = { lua = step.lua, python = step.python, guard = step.guard, gives = step.gives, number = i }
    if only[i] and run(self, same) then
      self.steps[#self.steps + 1] = same
    end
  end
  return self
end

-- ---- writing it -------------------------------------------------------------------------

local function flat(value, out)
  if type(value) == "table" then
    for _, v in ipairs(value) do flat(v, out) end
  elseif value ~= value then
    out[#out + 1] = "nan"
  else
    out[#out + 1] = value == math.huge and "inf" or value == -math.huge and "-inf" or ("%.17g"):format(value)
  end
  return out
end

local function literal(x)
  x = x:detach():double()
  local elements = x:dim() == 0 and { x:item() } or x:totable()
  return ("([%s], [%s])"):format(table.concat(x.shape, ","), table.concat(flat(elements, {}), ","))
end

local function results(self)
  local out, names = {}, {}
  for name, x in pairs(self.env) do
    if name:find "^[td]%d+$" and torch.isTensor(x) then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local x = self.env[name]
    out[#out + 1] = ("%q: (%s, %s, %s)"):format(name, literal(x), x.requiresGrad and "True" or "False",
      x.grad and literal(x.grad) or "None")
  end
  return table.concat(out, ", ")
end

local function python_string(s)
  return s and ('"%s"'):format(s:gsub("[\\\"]", "\\%0"):gsub("\n", "\\n")) or "None"
end

local function write(seed, self)
  local lines = {}
  for i, step in ipairs(self.steps) do
    lines[i] = ("(%d, %s, %s, %s)"):format(step.number or i, python_string(step.lua),
      python_string(step.python), python_string(step.error))
  end
  print(("program(%d, [%s], {%s})"):format(seed, table.concat(lines, ", "), results(self)))
end

for seed = first_seed, first_seed + programs - 1 do
  local made = make(seed)
  if only then made = again(made) end
  write(seed, made)
  for _, x in pairs(made.env) do -- with createGraph, a leaf and its gradient hold each other
    if torch.isTensor(x) and x.isLeaf then x.grad = nil end
  end
end
