-- test_messages: what goes from one interpreter to another, and what does not.
local torch = require "torch"
local nn = require "nn"
local core = require "threads._core"
local threads = require "threads"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- The values as another thread sees them: there and back.
local function there(pool, ...)
  local results
  pool:addjob(function(...) return ... end, function(...) results = table.pack(...) end, ...)
  pool:synchronize()
  return table.unpack(results, 1, results.n)
end

local function here(...)
  return core.unpack(core.pack(false, ...))
end

local function new_pool(...)
  local before = threads.serialization()
  threads.serialization("threads.sharedserialize")
  local pool = threads.Threads(1, ...)
  threads.serialization(before)
  return pool
end

function tests.plain_values()
  local pool <close> = new_pool()
  local values = table.pack(nil, true, false, 1, -1, math.maxinteger, math.mininteger, 0.0, -0.0, 2.0, 1 / 3,
    math.huge, -math.huge, "", "text", "with\0zero", ("long"):rep(20000), nil)
  for _, go in ipairs { here, function(...) return there(pool, ...) end } do
    local got = table.pack(go(table.unpack(values, 1, values.n)))
    tester:eq(got.n, values.n)
    for i = 1, values.n do
      tester:assert(rawequal(got[i], values[i]), tostring(values[i]))
      tester:eq(math.type(got[i]), math.type(values[i]))
    end
    tester:eq(1 / got[9], -math.huge)
    local nan = go(0 / 0)
    tester:assert(nan ~= nan)
    tester:eq(select("#", go()), 0)
  end
end

function tests.values_of_json()
  local pool <close>, json = new_pool(), require "json"
  local text = '{"a":null,"b":[],"c":{},"d":[null]}'
  local value = there(pool, json.decode(text))
  tester:assert(value.a == json.null)
  tester:eq(json.encode(value), text)
end

function tests.tables()
  local pool <close> = new_pool()
  local shared = { 1 }
  local t = { 1, nil, 3, a = shared, b = shared, [2.5] = "x", [true] = false, [shared] = "key" }
  t.me = t
  for _, go in ipairs { here, function(...) return there(pool, ...) end } do
    local u, s = go(t, shared)
    tester:assert(u ~= t and u.me == u and u.a == u.b and u.a == s and u[s] == "key")
    tester:eq({ u[1], u[3], u[2.5], u[true], s[1] }, { 1, 3, "x", false, 1 })
    tester:eq(u[2], nil)
  end
end

function tests.metatables()
  local pool <close> = new_pool()
  local point = { __name = "point" }
  point.__index = point
  point.__metatable = "hidden"
  function point:norm() return math.sqrt(self.x ^ 2 + self.y ^ 2) end
  function point.__eq(a, b) return a.x == b.x and a.y == b.y end
  local p, q = setmetatable({ x = 3, y = 4 }, point), setmetatable({ x = 3, y = 4 }, point)
  local r, s = there(pool, p, q)
  tester:eq(r:norm(), 5)
  tester:assert(r == s and not rawequal(r, s))
  tester:assert(rawequal(debug.getmetatable(r), debug.getmetatable(s)))
  tester:eq(getmetatable(r), "hidden")
  local weak = there(pool, setmetatable({}, { __mode = "k" }))
  tester:eq(getmetatable(weak).__mode, "k")
end

function tests.deep_nesting()
  local list = {}
  local last = list
  for i = 1, 200000 do
    last.next = { i }
    last = last.next
  end
  local n, node = 0, here(list)
  while node.next do n, node = n + 1, node.next end
  tester:eq(n, 200000)
  local f = function() return 0 end
  for _ = 1, 5000 do
    local inner = f
    f = function() return inner end
  end
  local depth, g = 0, here(f)
  while type(g) == "function" do depth, g = depth + 1, g() end
  tester:eq(depth, 5001)
end

function tests.functions_and_their_variables()
  local pool <close> = new_pool()
  local count, step = 0, 2
  local function up() count = count + step return count end
  local function down() count = count - step return count end
  local function reset(to) step = to end
  for _, go in ipairs { here, function(...) return there(pool, ...) end } do
    local u, d, r = go(up, down, reset)
    tester:eq(u(), 2)
    tester:eq(u(), 4)
    r(1)
    tester:eq(d(), 3)
    tester:eq(count, 0)
  end
  local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
  tester:eq(there(pool, fib)(15), 610)
  local vararg = there(pool, function(...) return select("#", ...), ... end)
  tester:eq({ vararg(7, 8) }, { 2, 7, 8 })
end

function tests.globals_are_the_receivers()
  rawset(_G, "only_here", 1)
  local pool <close> = new_pool(function() only_there = 5 end) -- luacheck: ignore
  pool:addjob(function() return only_here, only_there end, function(a, b) -- luacheck: ignore
    tester:eq({ tostring(a), b }, { "nil", 5 })
  end)
  pool:synchronize()
  tester:assert(there(pool, _G) == _G)
  rawset(_G, "only_here", nil)
end

function tests.what_packages_have_goes_by_name()
  local pool <close> = new_pool()
  for i, value in ipairs { print, string.format, torch, torch.FloatTensor, torch.mm, nn.Linear, nn.functional,
    nn.Module.forward, torch.getmetatable("nn.Tanh"), torch.getmetatable("torch.LongTensor"), math, io.stderr,
    coroutine.wrap, core.pack, threads, threads.Threads, torch._metatables } do
    tester:assert(rawequal(there(pool, value), value), ("value %d"):format(i))
  end
  local insert, Linear = table.insert, nn.Linear
  pool:addjob(function()
    local t = {}
    insert(t, torch.type(Linear(2, 3)))
    return t
  end, function(t) tester:eq(t, { "nn.Linear" }) end)
  pool:synchronize()
end

function tests.what_a_script_puts_into_packages_goes_too()
  local pool <close> = new_pool()
  function torch.cubed(x) return x ^ 3 end -- luacheck: ignore
  local cubed = torch.cubed
  rawset(torch, "cubed", nil)
  rawset(torch, "cubed", cubed)
  pool:addjob(function() return cubed(2), torch.cubed end, function(x, nothing)
    tester:eq(x, 8)
    tester:eq(nothing, nil)
  end)
  pool:synchronize()
  rawset(torch, "cubed", nil)
end

function tests.modules_of_the_script()
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir " .. folder)
  local file = assert(io.open(folder .. "/message_module.lua", "w"))
  file:write("local M = { loads = 0 } function M.name() return 'from the file' end\n",
    "M.settings = { 1 } return M\n")
  file:close()
  local path = package.path
  package.path = folder .. "/?.lua;" .. path
  local M = require "message_module"
  M.settings[1] = 2
  function M.added() return M.name() .. ", added" end
  do
    local pool <close> = new_pool()
    local added = M.added
    pool:addjob(function() return M.name(), M.added, M.settings[1], added() end, function(...)
      tester:eq({ ... }, { "from the file", nil, 1, "from the file, added" })
      tester:eq(select(2, ...), nil)
    end)
    pool:synchronize()
    tester:assert(there(pool, M) == M)
  end
  package.path = path
  package.loaded.message_module = nil
  os.execute("rm -r " .. folder)
end

function tests.tensors_share_their_elements()
  local pool <close> = new_pool()
  for _, name in ipairs { "Float", "Double", "Half", "BFloat16", "Char", "Byte", "Short", "Int", "Long",
    "Bool" } do
    local x = torch[name .. "Tensor"](2, 3):zero()
    local y, storage = there(pool, x, x:storage())
    tester:eq(torch.type(y), "torch." .. name .. "Tensor")
    y:fill(1)
    tester:eq(x:sum(), 6)
    tester:assert(y:isSetTo(x))
    tester:eq(torch.pointer(storage), torch.pointer(x:storage()))
  end
  local x = torch.range(1, 24):view(2, 3, 4)
  local t = x:transpose(1, 3):narrow(2, 2, 2)
  local u, v = there(pool, t, t)
  tester:assert(u:isSetTo(t))
  tester:assert(rawequal(u, v))
  tester:eq(there(pool, torch.Tensor()):nElement(), 0)
  tester:eq(there(pool, torch.zeros(3, 0)):size(2), 0)
  tester:eq(there(pool, torch.zeros(1):sum(1)):dim(), 1)
  local scalar = torch.ones(2):requireGrad():sum()
  tester:eq(there(pool, scalar):dim(), 0)
  tester:eq(there(pool, torch.zeros(5):expand(3, 5)):stride(1), 0)
end

function tests.tensors_that_require_a_gradient()
  local pool <close> = new_pool()
  local w = torch.ones(3):requireGrad()
  torch.sum(w * w):backward()
  local v, grad = there(pool, w, w.grad)
  tester:assert(v.requiresGrad and v:isSetTo(w))
  tester:assert(v.grad:isSetTo(w.grad) and v.grad:isSetTo(grad))
  local result = there(pool, w * 2)
  tester:assert(result.requiresGrad and result.isLeaf ~= false)
  pool:addjob(function() (w * 3):sum():backward() end)
  pool:synchronize()
  tester:eq(w.grad, torch.Tensor { 5, 5, 5 })
  tester:assert(not there(pool, torch.ones(2)).requiresGrad)
end

function tests.modules_of_nn()
  local pool <close> = new_pool()
  local net = nn.Sequential():add(nn.Linear(4, 3)):add(nn.ReLU()):add(nn.Linear(3, 2))
  local x = torch.randn(5, 4)
  local want = net:forward(x):clone()
  pool:addjob(function()
    local y = net:forward(x)
    net:zeroGradParameters()
    net:backward(x, torch.ones(5, 2))
    return y, net
  end, function(y, back)
    tester:eq(y, want)
    tester:eq(torch.type(back:get(2)), "nn.ReLU")
    tester:assert(back:get(1).gradWeight:isSetTo(net:get(1).gradWeight))
    tester:assert(back:get(1).weight.grad:isSetTo(back:get(1).gradWeight))
  end)
  pool:synchronize()
  tester:assert(net:get(1).gradWeight:norm() > 0)
end

function tests.classes_of_the_script()
  local pool <close> = new_pool()
  local Base = torch.class("MessageBase")
  function Base:__init(n) self.n = n end
  function Base:twice() return 2 * self.n end
  function Base:__tostring() return "n is " .. self.n end
  local Derived, parent = torch.class("MessageDerived", "MessageBase")
  function Derived:__init(n) parent.__init(self, n) self.list = {} end
  function Derived:four() return 2 * parent.twice(self) end
  local MessageDerived = _G.MessageDerived -- luacheck: ignore
  local object = MessageDerived(5)
  pool:addjob(function(o)
    local other = MessageDerived(7)
    return o:four(), torch.isTypeOf(o, "MessageBase"), torch.type(other), tostring(o), o,
      _G.MessageBase ~= nil
  end, function(four, is, name, text, back, home)
    tester:eq({ four, is, name, text, home }, { 20, true, "MessageDerived", "n is 5", true })
    tester:assert(getmetatable(back) == getmetatable(object))
  end, object)
  pool:synchronize()
  function Derived:four() return "new" end
  pool:addjob(function(o) return o:four() end, function(four) tester:eq(four, "new") end, object)
  pool:synchronize()
  local Layer, above = torch.class("nn.MessageLayer", "nn.Module")
  function Layer:__init(k) above.__init(self) self.k = k end
  function Layer:updateOutput(x) return x * self.k end
  local net = nn.Sequential():add(nn.MessageLayer(3))
  pool:addjob(function() return net:forward(torch.ones(2)), nn.MessageLayer ~= nil end, function(y, there_too)
    tester:eq(y, torch.Tensor { 3, 3 })
    tester:eq(there_too, true)
  end)
  pool:synchronize()
  nn.MessageLayer, _G.MessageBase, _G.MessageDerived = nil, nil, nil
end

function tests.classes_unknown_here()
  local pool <close> = new_pool()
  pool:addjob(function()
    local Far = torch.class("MessageFar")
    function Far:hello() return "hello from " .. self.name end
    local o = MessageFar() -- luacheck: ignore
    o.name = "far"
    return o
  end, function(o)
    tester:eq(o:hello(), "hello from far")
    tester:eq(torch.type(o), "MessageFar")
  end)
  pool:synchronize()
end

function tests.generators_by_their_state()
  local pool <close> = new_pool()
  local g = torch.Generator()
  torch.manualSeed(g, 11)
  local h = there(pool, g)
  local a, b = torch.rand(g, 5), torch.rand(h, 5)
  tester:eq(a, b)
  torch.rand(g, 3)
  tester:ne(torch.rand(g, 5), torch.rand(h, 5))
end

function tests.what_cannot_go()
  local pool <close> = new_pool()
  local file <close> = io.tmpfile()
  local x = { list = { 1, { file = file } } }
  for path, values in pairs {
    ["callback.upvalue x.list[2].file: a file"] = { function() return x end },
    ["argument 1: a coroutine"] = { print, nil, coroutine.create(print) },
    ["argument 2[\"a b\"]: a C function that no package has"] =
      { print, nil, 1, { ["a b"] = coroutine.wrap(print) } },
    ["argument 1[a table]: a file"] = { print, nil, { [{}] = file } },
    ["argument 1 (a key): a file"] = { print, nil, { [file] = 1 } },
    ["argument 1 (its metatable).f: a file"] = { print, nil, setmetatable({}, { f = file }) },
    ["argument 1: a threads.pool"] = { print, nil, pool._pool },
  } do
    local ok, message = pcall(pool.addjob, pool, table.unpack(values, 1, 4))
    tester:eq(ok, false)
    tester:assert(tostring(message):find(path .. " cannot go to another thread", 1, true) ~= nil, message)
    tester:assert(tostring(message):find("test_messages.lua:", 1, true) ~= nil, message)
  end
  tester:eq(pool:hasjob(), false)
  pool:addjob(function() return 1, { coroutine.create(print) } end)
  tester:assertErrorPattern(function() pool:synchronize() end, "result 2%[1%]: a coroutine cannot go")
  local deep = {}
  for _ = 1, 100 do deep = { deep } end
  local bottom = deep
  while bottom[1] do bottom = bottom[1] end
  bottom.x = file
  tester:assertErrorPattern(function() pool:addjob(print, nil, deep) end, "%.%.%.%[1%].*%.x: a file")
end

function tests.copies()
  local x = torch.zeros(4)
  local a, b, s = core.unpack(core.pack(true, x, x:narrow(1, 2, 2), x:storage()))
  a:fill(1)
  tester:eq({ x:sum(), b:sum(), s[1] }, { 0, 2, 1 })
  local serialize = require "threads.serialize"
  local saved = serialize.save({ x, f = function() return x end })
  local first, second = serialize.load(saved), serialize.load(saved)
  first[1]:fill(2)
  tester:eq({ second[1][1], first.f()[1], x[1] }, { 0, 2, 0 })
  local shared = require "threads.sharedserialize"
  saved = shared.save(x)
  shared.load(saved):fill(3)
  tester:eq({ shared.load(saved)[1], x[1] }, { 3, 3 })
end

function tests.messages_in_messages()
  local pool <close> = new_pool()
  local x = torch.zeros(2)
  local message = core.pack(false, x, "more")
  local y, text = core.unpack(there(pool, message))
  y:fill(4)
  tester:eq({ x[1], text }, { 4, "more" })
  tester:assertErrorPattern(function() core.unpack(message) end, "delivered already")
  tester:assertErrorPattern(function() core.unpack(io.stderr) end, "delivered already")
  package.preload.message_scheme = function() return require "threads.sharedserialize" end
  local before = threads.serialization()
  threads.serialization("message_scheme")
  tester:assertErrorPattern(function() threads.Threads(1, function() end) end, "message_scheme")
  threads.serialization(before)
end

-- Freeing them takes no stack, however deep they lie in one another.
function tests.deep_messages_and_queues()
  local message, queue = core.pack(false, 1), threads.Queue(1)
  for _ = 1, 200000 do message = core.pack(false, message) end
  for _ = 1, 100000 do
    local outer, inner = threads.Queue(1), queue
    outer:addjob(function() return inner end)
    queue = outer
  end
  message = nil
  tester:eq(queue:count(), 1)
  queue = nil -- luacheck: ignore
  collectgarbage()
  tester:eq(message, nil)
end

function tests.memory_of_what_is_sent()
  local before = torch.memory().live
  for _ = 1, 50 do
    core.pack(false, torch.zeros(1000), { torch.ones(10) })
    pcall(core.pack, false, torch.zeros(1000), coroutine.create(print))
    core.unpack(core.pack(true, torch.zeros(1000)))
  end
  collectgarbage()
  collectgarbage()
  tester:assert(torch.memory().live - before < 10000, tostring(torch.memory().live - before))
end

tester:add(tests):run()
