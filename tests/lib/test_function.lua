-- test_function: functions with a derivative of their own, checkpoints, hooks, anomalies, the graph.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function leaf(...)
  return torch.DoubleTensor { ... }:requireGrad()
end

local function fails(f, pattern)
  local ok, message = pcall(f)
  tester:assert(not ok, "no error")
  tester:assert(tostring(message):find(pattern) ~= nil, tostring(message))
end

-- ---- torch.Function ----------------------------------------------------------------------------------

local cube = torch.Function {
  name = "cube",
  forward = function(ctx, x)
    ctx:saveForBackward(x)
    return torch.pow(x, 3)
  end,
  backward = function(ctx, g) return torch.cmul(g, torch.square(ctx:savedTensors()) * 3) end,
}

-- Its backward needs its own result.
local exponential = torch.Function {
  forward = function(ctx, x)
    local y = torch.exp(x)
    ctx:saveForBackward(y)
    return y
  end,
  backward = function(ctx, g) return torch.cmul(g, (ctx:savedTensors())) end,
}

function tests.gradients_of_any_order()
  local x = torch.rand(2, 3, "double")
  tester:assert(torch.gradcheck(cube, x, { second = true }))
  tester:assert(torch.gradcheck(exponential, x, { second = true }))
  local v = leaf(2)
  local first = torch.grad(cube(v), v, nil, { createGraph = true })
  local second = torch.grad(first, v, nil, { createGraph = true })
  local third = torch.grad(second, v)
  tester:eq({ first:item(), second:item(), third:item() }, { 12, 12, 6 })
end

function tests.several_arguments_and_results()
  local seen
  local f = torch.Function {
    forward = function(ctx, x, factor, y)
      seen = ctx.needsInputGrad
      return torch.mul(x, factor), "text", torch.add(x, y)
    end,
    backward = function(_, g, h) return g * 3 + h, nil, h end,
  }
  local x, y = leaf(1, 2), torch.DoubleTensor { 5, 6 }
  local a, text, b = f(x, 3, y)
  tester:eq(seen, { true, false, false })
  tester:eq(text, "text")
  torch.sum(a + b):backward()
  tester:eq(x.grad:totable(), { 4, 4 })
  local z = leaf(1, 2)
  local _, _, c = f(y, 3, z)
  torch.sum(c):backward()
  tester:eq(z.grad:totable(), { 1, 1 })
end

function tests.results_without_a_gradient()
  local f = torch.Function {
    forward = function(ctx, x)
      local sign, place = torch.sign(x), torch.LongTensor { 1 }
      ctx:markNonDifferentiable(sign)
      return x * 2, sign, place
    end,
    backward = function(_, g) return g * 2 end,
  }
  local y, sign, place = f(leaf(1))
  tester:assert(y.requiresGrad and not sign.requiresGrad and not place.requiresGrad)
  tester:eq(torch.noGrad(f, leaf(1)).requiresGrad, false)
  tester:eq(f(torch.DoubleTensor { 3 })[1], 6)
end

function tests.an_input_given_back()
  local same = torch.Function {
    forward = function(_, x) return x end,
    backward = function(_, g) return g * 7 end,
  }
  local x = leaf(1)
  local y = same(x)
  y:backward()
  tester:eq(x.grad[1], 7)
  tester:assert(x.isLeaf and not y.isLeaf)
end

function tests.saved_tensors_are_watched()
  local x = leaf(1, 2)
  local y = x * 1
  local z = cube(y)
  y:mul(2)
  fails(function() torch.sum(z):backward() end, "overwritten in place")
end

function tests.once_differentiable()
  local f = torch.Function {
    name = "square", once = true,
    forward = function(ctx, x)
      ctx:saveForBackward(x)
      return torch.square(x)
    end,
    backward = function(ctx, g) return torch.cmul(g, ctx:savedTensors() * 2) end,
  }
  local x = leaf(3)
  f(x):backward()
  tester:eq(x.grad[1], 6)
  local g = torch.grad(f(x), x, nil, { createGraph = true })
  tester:eq(g:item(), 6)
  fails(function() torch.grad(g, x) end, "square: this function can be differentiated only once")
end

function tests.bad_functions()
  fails(function() torch.Function(3) end, "table")
  fails(function() torch.Function { forward = print } end, "backward")
  local number = torch.Function { name = "f", forward = function(_, x) return x * 2 end,
    backward = function() return 3 end }
  fails(function() number(leaf(1)):backward() end, "f: backward gave a number for argument 1")
  local shape = torch.Function { forward = function(_, x) return x * 2 end,
    backward = function() return torch.ones(7, "double") end }
  fails(function() shape(leaf(1, 2)):backward(torch.ones(2, "double")) end, "7")
  fails(function()
    torch.Function { forward = function(ctx) ctx:saveForBackward(1) end, backward = print } (leaf(1))
  end, "argument 1 is a number")
  fails(function() torch.Function { forward = error, backward = print } (leaf(1)) end, "")
  tester:assert(torch.isGradEnabled())
end

function tests.functions_are_freed()
  local freed = 0
  for _ = 1, 200 do
    local x, held = leaf(1), setmetatable({}, { __gc = function() freed = freed + 1 end })
    local f = torch.Function {
      forward = function(ctx, v)
        ctx.held = held
        local y = v * 2
        ctx:saveForBackward(y, v)
        return y
      end,
      backward = function(_, g) return g end,
    }
    f(x)
  end
  collectgarbage()
  collectgarbage()
  tester:assertge(freed, 199)
end

-- ---- checkpoints -------------------------------------------------------------------------------------

local w = torch.rand(3, 3, "double")

local function block(x)
  local y = torch.tanh(torch.mm(x, w))
  return torch.cmul(torch.exp(y), y), y
end

local function gradients(call)
  local x = torch.range(1, 6):double():view(2, 3):div(7):requireGrad()
  w.grad = nil
  w:requireGrad()
  local a, b = call(block, x)
  torch.sum(torch.square(a) + b):backward()
  local grad = w.grad:clone()
  w.grad = nil
  w:requireGrad(false)
  return x.grad:totable(), grad:totable()
end

function tests.checkpoint_changes_nothing()
  local want, want_w = gradients(function(f, ...) return f(...) end)
  local got, got_w = gradients(torch.checkpoint)
  tester:eq(got, want)
  tester:eq(got_w, want_w)
  local nested, nested_w = gradients(function(f, ...)
    return torch.checkpoint(function(x)
      local y = torch.checkpoint(torch.sigmoid, x)
      torch.sum(y)
      return torch.checkpoint(f, x)
    end, ...)
  end)
  tester:eq(nested, want)
  tester:eq(nested_w, want_w)
end

function tests.checkpoint_and_torch_grad()
  local x, v = leaf(0.5), leaf(2)
  local f = function(a) return torch.cmul(torch.exp(a), v) end
  local gx, gv = table.unpack(torch.grad(torch.checkpoint(f, x), { x, v }))
  tester:eq({ gx[1], gv[1] }, { 2 * math.exp(0.5), math.exp(0.5) }, 1e-12)
  tester:assert(v.grad == nil and x.grad == nil)
  tester:assert(torch.gradcheck(function(a) return torch.checkpoint(block, a) end,
    torch.rand(2, 3, "double"), { second = true }))
end

function tests.checkpoint_calls_again()
  local calls = 0
  local function f(x)
    calls = calls + 1
    return torch.exp(torch.exp(x))
  end
  local x = leaf(0.1)
  local y = torch.checkpoint(f, x)
  tester:eq(calls, 1)
  y:backward(nil, { retainGraph = true })
  tester:eq(calls, 2)
  y:backward()
  tester:eq(calls, 2, "what came back is kept as long as the graph is")
  torch.noGrad(torch.checkpoint, f, x)
  tester:eq(calls, 3)
end

function tests.checkpoint_keeps_less()
  local x = torch.rand(10, 10):requireGrad()
  local function deep(v)
    for _ = 1, 20 do v = torch.exp(torch.tanh(v)) end
    return v
  end
  tester:eq(torch.graph(torch.checkpoint(deep, x)).savedBytes, 0)
  tester:assertgt(torch.graph(deep(x)).savedBytes, 15000)
end

function tests.checkpoint_repeats_random_numbers()
  local function noisy(x) return torch.cmul(x, torch.cmul(x, torch.rand(4, "double"))) end
  torch.manualSeed(3)
  local x = leaf(1, 1, 1, 1)
  local y = torch.checkpoint(noisy, x)
  local after = torch.rand(1)[1]
  torch.sum(y):backward()
  tester:eq(x.grad:totable(), (y:detach() * 2):totable(), 1e-12)
  torch.manualSeed(3)
  torch.rand(4, "double")
  tester:eq(torch.rand(1)[1], after, "backward leaves the generator alone")
end

function tests.checkpoint_faults()
  local x = leaf(1, 2)
  local n = 0
  local function changing(v)
    n = n + 1
    return n == 1 and torch.exp(v) or torch.tanh(v)
  end
  fails(function() torch.sum(torch.checkpoint(changing, x)):backward() end, "did something else")
  n = 0
  local function shrinking(v)
    n = n + 1
    return n == 1 and torch.exp(torch.exp(v)) or torch.exp(v)
  end
  fails(function() torch.sum(torch.checkpoint(shrinking, x)):backward() end, "did less")
  local v = x * 1
  local y = torch.checkpoint(torch.square, v)
  v:mul(2)
  fails(function() torch.sum(y):backward() end, "changed in place")
  n = 0
  fails(function()
    torch.sum(torch.checkpoint(function(a)
      n = n + 1
      if n > 1 then error("no second time") end
      return torch.exp(a)
    end, x)):backward()
  end, "no second time")
  fails(function() torch.checkpoint(error, "at once") end, "at once")
  fails(function() torch.checkpoint(3) end, "")
  torch.sum(torch.exp(x)):backward() -- nothing is left behind
end

-- ---- hooks -------------------------------------------------------------------------------------------

function tests.hooks_of_leaves_see_the_whole()
  local x, seen = leaf(1, 2), {}
  x:registerHook(function(g) seen[#seen + 1] = g:sum() end)
  torch.sum(x * 2 + x * 3):backward()
  tester:eq(seen, { 10 })
  x:registerHook(function(g) return g * 2 end)
  torch.sum(x):backward()
  tester:eq(x.grad:totable(), { 7, 7 })
  tester:eq(torch.grad(torch.sum(x), x):totable(), { 2, 2 })
end

function tests.watched_leaves()
  local x, y, z, unused, told = leaf(1, 2), leaf(3, 4), leaf(5, 6), leaf(7, 8), {}
  local complete
  local watch = torch._watchLeaves({ x, y, z, unused }, function(what)
    told[#told + 1] = what
    if what == 2 then complete = complete or y.grad:totable() end
  end)
  local deep = torch.exp(torch.exp(z) * 0 + x) * 0 + z
  torch.sum(deep + torch.cmul(y, x) + y):backward()
  tester:eq(told, { 2, 1, 3, true })
  tester:eq(complete, { 2, 3 })
  -- without the leaves' own gradients there is nothing to tell
  told = {}
  torch.grad(torch.sum(torch.cmul(x, y)), x)
  tester:eq(told, {})
  -- a hook sees the whole gradient, at the end
  x:registerHook(function() told[#told + 1] = "hook" end)
  torch.sum(torch.cmul(x, y)):backward()
  tester:eq(told, { 2, "hook", 1, true })
  -- a graph that ends in an error, also one of the function
  told = {}
  local bad = torch._custom({ y }, { torch.DoubleTensor(2) }, function() error "inside" end)
  fails(function() torch.sum(torch.cmul(bad[1], z)):backward() end, "inside")
  tester:eq(told, { 3, false })
  getmetatable(watch).__gc(watch)
  told = {}
  torch.sum(y):backward()
  tester:eq(told, {})
  local other <close> = torch._watchLeaves({ y }, function() error "told" end) -- luacheck: ignore
  fails(function() torch.sum(y):backward() end, "told")
end

-- A leaf that a checkpoint uses inside and the graph outside is told of each.
function tests.watched_leaves_of_checkpoints()
  local x, told = leaf(1, 2), {}
  local watch <close> = torch._watchLeaves({ x }, function(what) told[#told + 1] = what end) -- luacheck: ignore
  local y = torch.checkpoint(function(u) return torch.exp(torch.cmul(u, x)) end, x * 2)
  torch.sum(y + x):backward()
  tester:eq(told[#told], true)
  tester:assert(#told >= 2)
end

function tests.hooks_of_results()
  local x = leaf(1, 2)
  local y = x * 3
  y:retainGrad()
  local handle = y:registerHook(function(g) return g * 10 end)
  local seen
  y:registerHook(function(g) seen = g:totable() end)
  torch.sum(y * y):backward(nil, { retainGraph = true })
  tester:eq(seen, { 60, 120 })
  tester:eq(y.grad:totable(), { 60, 120 })
  tester:eq(x.grad:totable(), { 180, 360 })
  handle:remove()
  handle:remove()
  x.grad = nil
  torch.sum(y * y):backward()
  tester:eq(x.grad:totable(), { 18, 36 })
end

function tests.hooks_of_nodes()
  local x = leaf(1, 2)
  local y = torch.cmul(x, torch.DoubleTensor { 5, 5 })
  local gradients_seen
  y.gradFn:registerHook(function(inputs, outputs)
    gradients_seen = { inputs[1]:totable(), inputs[2], outputs[1]:totable() }
    return { inputs[1] * 2 }
  end)
  torch.sum(y):backward()
  tester:eq(gradients_seen, { { 5, 5 }, false, { 1, 1 } })
  tester:eq(x.grad:totable(), { 10, 10 })
end

function tests.hooks_and_second_order()
  local x = leaf(2)
  local y = x * x
  y:registerHook(function(g) return g * 3 end)
  local g = torch.grad(torch.square(y), x, nil, { createGraph = true })
  tester:eq(g:item(), 3 * 2 * 4 * 4)
  -- g is 6 y 2 x: the hook acts on the gradient that goes through y once more.
  tester:eq(torch.grad(g, x)[1], 12 * 4 + 3 * 12 * 2 * 4)
end

function tests.faults_of_hooks()
  fails(function() torch.ones(1):registerHook(print) end, "requireGrad")
  fails(function() leaf(1):registerHook(3) end, "function")
  for _, f in ipairs { function() return 3 end, function() return torch.ones(5) end,
    function() error "mine" end } do
    local x = leaf(1, 2)
    x:registerHook(f)
    fails(function() torch.sum(x):backward() end, "")
    local y = leaf(1, 2) * 2
    y:registerHook(f)
    fails(function() torch.sum(y):backward() end, "")
    local z = leaf(1, 2) * 2
    z.gradFn:registerHook(f)
    fails(function() torch.sum(z):backward() end, "")
  end
end

function tests.hooks_are_freed()
  local freed = 0
  for _ = 1, 200 do
    local held = setmetatable({}, { __gc = function() freed = freed + 1 end })
    local x = leaf(1)
    local y = x * 2
    x:registerHook(function() return held and nil end)
    y:registerHook(function() return held and nil end)
    y.gradFn:registerHook(function() return held and nil end)
  end
  collectgarbage()
  collectgarbage()
  tester:assertge(freed, 199)
end

-- ---- anomalies, the graph ----------------------------------------------------------------------------

function tests.anomalies()
  local x = leaf(-1, 4)
  fails(function() torch.detectAnomaly(function() return torch.sqrt(x) end) end,
    "sqrt.*test_function.lua:%d+.*NaN")
  tester:eq(torch.isAnomalyEnabled(), false)
  local zero = leaf(0)
  fails(function()
    torch.detectAnomaly(function() torch.sum(torch.sqrt(zero)):backward() end)
  end, "sqrt.*test_function.lua:%d+.*NaN or infinite")
  torch.sum(torch.sqrt(zero)):backward()
  tester:eq(zero.grad[1], math.huge)
  torch.detectAnomaly(function() torch.sum(torch.exp(leaf(1))):backward() end)
  torch.setDetectAnomaly(true)
  tester:eq(torch.isAnomalyEnabled(), true)
  torch.setDetectAnomaly(false)
end

function tests.graph()
  local x = leaf(1, 2)
  local y = torch.exp(x)
  local z = torch.sum(torch.cmul(y, y) * 3, 1)
  local graph = torch.graph(z)
  tester:eq(#graph, 4)
  tester:eq(#graph.leaves, 1)
  tester:assert(torch.isequal(graph.leaves[1], x))
  tester:eq(graph.nodes[1].name, "sum")
  tester:eq(graph.nodes[1], z.gradFn)
  tester:assertgt(graph.savedBytes, 0)
  local text = tostring(graph)
  tester:assert(text:find("#1 sum%(.-%)  1 float64  .-test_function.lua:%d+") ~= nil, text)
  tester:assert(text:find("leaf  2 float64", 1, true) ~= nil, text)
  tester:assert(text:find("as above", 1, true) ~= nil, text)
  local dot = graph:dot()
  tester:eq(select(2, dot:gsub(" %-> ", "")), 5)
  local path = os.tmpname()
  graph:dot(path)
  tester:eq(io.open(path):read "a", dot)
  os.remove(path)
  fails(function() graph:dot "/no/such/folder/x" end, "graph:dot")
  tester:assert(tostring(torch.graph(torch.ones(2))):find "without a history" ~= nil)
  fails(function() torch.graph(3) end, "tensor")
end

function tests.graph_of_a_long_chain()
  local x = leaf(1)
  local y = x
  for _ = 1, 20000 do y = y + 1 end
  local graph = torch.graph(y)
  tester:eq(#graph, 20000)
  tester:assertgt(#tostring(graph), 20000)
end

function tests.hooks_that_change_the_hooks()
  local x, calls, first, second = leaf(1, 2), {}, nil, nil
  first = x:registerHook(function()
    first:remove()
    second:remove()
    first, second = nil, nil
    x:registerHook(function() table.insert(calls, "new") end)
    collectgarbage()
    collectgarbage()
  end)
  second = x:registerHook(function() table.insert(calls, "second") end)
  x:registerHook(function() table.insert(calls, "third") end)
  torch.sum(x):backward()
  tester:eq(calls, { "third" })
  torch.sum(x):backward()
  tester:eq(calls, { "third", "third", "new" })
end

function tests.a_hook_that_adds_itself_again_ends()
  local y, calls = leaf(1, 2) * 1, 0
  local function again(place)
    return function()
      calls = calls + 1
      place:registerHook(again(place))
    end
  end
  y:registerHook(again(y))
  y.gradFn:registerHook(again(y.gradFn))
  torch.sum(y):backward()
  tester:eq(calls, 2)
end

function tests.a_hook_may_resize_its_gradient()
  local x = leaf(1, 2, 3, 4)
  local y = x * 1
  x:registerHook(function(g) g:resize(2, 2) end)
  y:registerHook(function(g) g:resize(2) end)
  torch.sum(y * 2):backward()
  tester:eq(x.grad:totable(), { 2, 2, 2, 2 })
end

function tests.a_hook_may_free_the_inputs()
  local x = leaf(1)
  local y = x * 3
  local z = y * 2
  z:registerHook(function() x:free() y:free() z:free() end)
  local dx = torch.grad(z * 5, { x, y })
  tester:eq({ dx[1][1], dx[2][1] }, { 30, 10 })
end

function tests.a_hook_may_overwrite_an_input()
  local x = leaf(1)
  local y = x * 3
  local z = y * 2
  z:registerHook(function() torch.enableGrad(function() y:mul(10) end) end)
  tester:eq(torch.grad(z * 5, { x, y })[2]:totable(), { 10 })
end

function tests.a_hook_may_ask_for_other_gradients()
  local x, factor = leaf(3), leaf(5)
  local u = x * 1
  local v = torch.cmul(u, factor)
  local z, inner = v * 2, {}
  z:registerHook(function()
    table.insert(inner, torch.grad(v, factor, nil, { retainGraph = true })[1])
    table.insert(inner, torch.grad(v, u, nil, { retainGraph = true })[1])
  end)
  local dx = torch.grad(z * 1, { x, u })
  tester:eq({ dx[1][1], dx[2][1] }, { 10, 10 })
  tester:eq(inner, { 3, 5 })
end

function tests.a_checkpoint_that_does_otherwise_the_second_time()
  local x, calls = leaf(1, 2, 3, 4), 0
  local function f(v)
    calls = calls + 1
    local part = v:narrow(1, calls, 2)
    return torch.cmul(part, part)
  end
  local y = torch.checkpoint(f, x)
  fails(function() torch.sum(y):backward() end, "something else when it was called again")
end

function tests.a_backward_inside_a_checkpoint()
  local function f(v)
    local e = torch.exp(v)
    return torch.cmul(e, torch.grad(torch.sum(torch.exp(e)), v, nil, { createGraph = true }))
  end
  fails(function() torch.checkpoint(f, leaf(1)):backward() end, "inside the function itself")
end

function tests.results_that_are_views_of_inputs()
  local view = torch.Function {
    forward = function(_, x) return x:view(2, 2) end, backward = function(_, g) return g:view(4) * 3 end,
  }
  local x = leaf(1, 2, 3, 4)
  local y = view(x)
  y:mul(10)
  tester:eq(x:totable(), { 1, 2, 3, 4 })
  torch.sum(y):backward()
  tester:eq(x.grad:totable(), { 30, 30, 30, 30 })
end

function tests.an_input_given_back_without_a_gradient()
  local same = torch.Function {
    forward = function(ctx, x) ctx:markNonDifferentiable(x) return x * 2, x end,
    backward = function(_, g) return g * 2 end,
  }
  local y, z = same(leaf(1, 2))
  tester:eq(y.requiresGrad, true)
  tester:eq(z.requiresGrad, false)
end

tester:add(tests):run()
