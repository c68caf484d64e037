-- test_func: torch.func: gradients, products with Jacobians, Jacobians, Hessians, vmap, functionalCall.
local torch = require "torch"
local nn = require "nn"

local F = torch.func
local tester = torch.Tester()
local tests = torch.TestSuite()

local function D(v)
  return torch.DoubleTensor(v)
end

local function eq(got, wanted, message)
  if type(wanted) == "table" then wanted = D(wanted) end
  tester:eq(got, wanted, 1e-10, message or "value")
end

local function fails(pattern, f, ...)
  local ok, why = pcall(f, ...)
  tester:assert(not ok, "an error is wanted: " .. pattern)
  tester:assert(tostring(why):find(pattern) ~= nil, tostring(why))
end

local function cube(x)
  return torch.pow(x, 3):sum()
end

-- ---- grad and valueAndGrad ----------------------------------------------------------------

function tests.grad()
  local x = D { 1, 2 }
  local g = F.grad(cube)(x)
  eq(g, { 3, 12 })
  tester:eq(g.requiresGrad, false)
  tester:eq(x.requiresGrad, false)
  tester:assert(x.grad == nil)
  eq(x, { 1, 2 })
end

function tests.leaves_stay_as_they_are()
  local x = D { 2 }:requireGrad()
  local g = F.grad(cube)(x)
  tester:assert(x.grad == nil)
  tester:eq(x.requiresGrad, true)
  tester:eq(x.isLeaf, true)
  eq(torch.grad(g:sum(), x), { 12 }, "the gradient has a history, as x takes part in a graph")
end

function tests.value_and_grad()
  local v, g, aux, text = F.valueAndGrad(function(x) return cube(x), x * 2, "text" end)(D { 1, 2 })
  tester:eq(v:item(), 9)
  tester:eq(v.requiresGrad, false)
  eq(g, { 3, 12 })
  eq(aux, { 2, 4 })
  tester:eq(aux.requiresGrad, false)
  tester:eq(text, "text")
  local h, more = F.grad(function(x) return cube(x), { x, name = "n" } end)(D { 1 })
  eq(h, { 3 })
  eq(more[1], { 1 })
  tester:eq(more.name, "n")
end

function tests.nested_arguments()
  local params = { W = { D { 1, 2 }, D { 3 } }, b = { deep = { D { 5 } } }, name = "net", n = 3,
    unused = D { 7, 7 } }
  local g = F.grad(function(p, factor)
    tester:eq(p.name, "net")
    return (torch.cmul(p.W[1], p.W[1]):sum() * p.W[2] + p.b.deep[1] * p.n) * factor
  end)(params, 10)
  eq(g.W[1], { 60, 120 })
  eq(g.W[2], { 50 })
  eq(g.b.deep[1], { 30 })
  eq(g.unused, { 0, 0 })
  tester:assert(g.name == nil and g.n == nil)
  tester:eq(params.W[1].requiresGrad, false)
end

function tests.argnums()
  local f = function(a, b, c) return (torch.cmul(a, b) * c):sum() end
  local a, b = D { 1, 2 }, D { 3, 4 }
  eq(F.grad(f, 2)(a, b, 10), { 10, 20 })
  local both = F.grad(f, { 2, 1 })(a, b, 10)
  eq(both[1], { 10, 20 })
  eq(both[2], { 30, 40 })
  fails("argument 4 is wanted, but 3 are given", F.grad(f, 4), a, b, 10)
  fails("argument 3 is a number", F.grad(f, 3), a, b, 10)
  fails("argnums", F.grad, f, "x")
end

function tests.one_tensor_as_two_arguments()
  local x = D { 3 }
  local g = F.grad(function(a, b) return a * 2 + b * 5 end, { 1, 2 })(x, x)
  eq(g[1], { 2 })
  eq(g[2], { 5 })
end

function tests.higher_orders()
  local x = D { 2 }
  local f = function(v) return torch.pow(v, 5):sum() end
  local function derived(g)
    return function(v) return F.grad(g)(v):sum() end
  end
  for _, want in ipairs { 80, 160, 240, 240, 120, 0 } do
    eq(F.grad(f)(x), { want })
    tester:eq(F.grad(f)(x).requiresGrad, false)
    f = derived(f)
  end
end

function tests.variables_of_nested_calls_are_kept_apart()
  local x = D { 3 }
  -- The derivative of y -> x y at y = x is x, not 2x; that of x is 1.
  local inner = function(v) return F.grad(function(y) return v * y end)(v):sum() end
  eq(D { inner(x) }, { 3 })
  eq(F.grad(inner)(x), { 1 })
  local constant = F.grad(function(v)
    return F.grad(function(y) return torch.cmul(v, torch.cmul(y, y)):sum() end)(D { 5 }):sum()
  end)(x)
  eq(constant, { 10 })
  tester:eq(constant.requiresGrad, false, "the inner call's own leaf is nobody's concern")
end

function tests.closed_over_parameters()
  local w = D { 2 }:requireGrad()
  local g = F.grad(function(x) return torch.cmul(torch.cmul(x, x), w):sum() end)(D { 3 })
  eq(g, { 12 })
  g:sum():backward()
  eq(w.grad, { 6 }, "a penalty on a gradient")
end

function tests.in_no_grad()
  local x = D { 2 }:requireGrad()
  torch.noGrad(function()
    local v, g = F.valueAndGrad(cube)(x)
    eq(g, { 12 })
    tester:eq(g.requiresGrad, false)
    tester:eq(v.requiresGrad, false)
    eq(F.hessian(cube, x), { { 12 } })
    local _, pull = F.vjp(torch.sin, x)
    eq(pull(D { 1 }), { math.cos(2) })
    local _, dy = F.jvp(torch.sin, x, D { 1 })
    eq(dy, { math.cos(2) })
    local _, hv = F.hvp(cube, x, D { 1 })
    eq(hv, { 12 })
    eq(F.jacfwd(torch.sin)(x), { { math.cos(2) } })
    tester:eq(torch.isGradEnabled(), false)
  end)
  eq(F.grad(function(v) return v * torch.noGrad(F.grad(cube), v) end)(D { 2 }), { 12 },
    "a gradient inside of noGrad is a constant")
end

function tests.control_flow()
  local f = function(x, n)
    local y = x
    for _ = 1, n do y = y:sum() > 0 and torch.cmul(y, x) or -y end
    return y:sum()
  end
  eq(F.grad(f)(D { 2 }, 3), { 32 })
  eq(F.grad(f)(D { -2 }, 1), { -1 })
end

function tests.layouts_and_types()
  local x = D { { 1, 2 }, { 3, 4 } }:t()
  eq(F.grad(function(v) return torch.cmul(v, v):sum() end)(x), { { 2, 6 }, { 4, 8 } })
  local wide = torch.DoubleTensor(1, 2):fill(3):expand(3, 2)
  local e = F.grad(function(v) return torch.pow(v, 2):sum() end)(wide)
  eq(e, { { 6, 6 }, { 6, 6 }, { 6, 6 } })
  local s = F.grad(function(v) return v * v end)(torch.scalar(3, "float64"))
  tester:eq(s:item(), 6)
  tester:eq(#s.shape, 0)
  tester:eq(F.grad(function(v) return v:sum() end)(torch.FloatTensor(2, 0)).shape, { 2, 0 })
  tester:eq(F.grad(function(v) return v:sum() end)(torch.HalfTensor { 1 }).dtype, "float16")
end

function tests.errors()
  local x = D { 1, 2 }
  fails("test_func.lua:%d+: torch.func.grad: .*shape 2; wanted one", F.grad(function(v) return v end), x)
  fails("gave a string", F.grad(function() return "x" end), x)
  fails("gave a nil", F.grad(function() end), x)
  fails("gave a number", F.grad(function() return 3 end), x)
  fails("argument 1 is a tensor of int64", F.grad(cube), torch.LongTensor { 1 })
  fails("argument 1%.a%[2%] is a tensor of int32", F.grad(cube), { a = { x, torch.IntTensor { 1 } } })
  fails("no tensor to differentiate by", F.grad(cube), 3)
  fails("no tensor to differentiate by", F.grad(cube), {})
  fails("argument 1 is wanted, but 0 are given", F.grad(cube))
  fails("wanted a function, got a nil", F.grad)
  fails("wanted a function, got a table", F.valueAndGrad, {})
  fails("from inside", F.grad(function() error("from inside") end), x)
  local knot = { x }
  knot.knot = knot
  fails("argument 1.knot is a table that holds itself", F.grad(cube), knot)
  eq(F.grad(cube)(x), { 3, 12 }, "all is well afterwards")
end

function tests.arguments_changed_in_place()
  local f = function(v) return v:mul(2):sum() end
  fails("changed argument 1 in place.*clone", F.grad(f), D { 1 })
  eq(F.grad(function(v) return v:clone():mul(2):sum() end)(D { 1 }), { 2 })
  local seen = D { 0 }
  eq(F.grad(function(v)
    seen:add(1)
    return (v * 2):sum()
  end)(D { 1 }), { 2 })
  eq(seen, { 1 })
end

-- ---- vjp and jvp ----------------------------------------------------------------

function tests.vjp()
  local A = D { { 1, 2, 3 }, { 4, 5, 6 } }
  local y, pull, aux = F.vjp(function(m, v) return m * v, "aux" end, A, D { 1, 1, 1 })
  eq(y, { 6, 15 })
  tester:eq(y.requiresGrad, false)
  tester:eq(aux, "aux")
  for _, factor in ipairs { 1, 2 } do -- any number of times
    local dm, dv = pull(D { factor, 10 })
    eq(dm, { { factor, factor, factor }, { 10, 10, 10 } })
    eq(dv, { factor + 40, 2 * factor + 50, 3 * factor + 60 })
  end
  fails("the factor has shape 3, wanted 2", pull, D { 1, 1, 1 })
  fails("give a factor", pull)
  fails("the factor is a number", pull, 1)
end

function tests.vjp_of_nested_results()
  local y, pull = F.vjp(function(p) return { s = torch.sin(p.a), both = { p.a + p.b } } end,
    { a = D { 0 }, b = D { 1 } })
  eq(y.both[1], { 1 })
  local g = pull { s = D { 2 }, both = { D { 5 } } }
  eq(g.a, { 7 })
  eq(g.b, { 5 })
  eq(pull { s = D { 2 } }.b, { 0 }, "a factor that is left out is zero")
  eq((pull()).a, { 2 })
  fails("gave a number as the result.n", F.vjp, function(x) return { n = 1, x } end, D { 1 })
  fails("gave no tensor", F.vjp, function() return {} end, D { 1 })
end

function tests.vjp_inside_of_others()
  -- d/dx of cos(x) v, and d/dv.
  local f = function(x, v)
    local _, pull = F.vjp(torch.sin, x)
    return pull(v):sum()
  end
  local g = F.grad(f, { 1, 2 })(D { 0.5 }, D { 2 })
  eq(g[1], { -2 * math.sin(0.5) })
  eq(g[2], { math.cos(0.5) })
  local _, pull = F.vjp(torch.sin, D { 0.5 })
  eq(F.grad(function(v) return pull(v):sum() end)(D { 3 }), { math.cos(0.5) }, "called in another's function")
end

function tests.jvp()
  local y, dy, aux = F.jvp(function(a, b) return torch.cmul(torch.sin(a), b), 7 end,
    { D { 0.5, 1 }, D { 2, 3 } }, { D { 1, 0 }, D { 0, 1 } })
  eq(y, { math.sin(0.5) * 2, math.sin(1) * 3 })
  eq(dy, { math.cos(0.5) * 2, math.sin(1) })
  tester:eq(dy.requiresGrad, false)
  tester:eq(aux, 7)
  local _, d = F.jvp(torch.cmul, { D { 2 }, D { 3 } }, { false, D { 1 } })
  eq(d, { 2 })
  local z, dz = F.jvp(function(x) return { x * 2, c = D { 5 } } end, D { 1 }, D { 3 })
  eq(z.c, { 5 })
  eq(dz[1], { 6 })
  eq(dz.c, { 0 })
  local _, dp = F.jvp(function(p) return torch.cmul(p.a, p.b) end, { { a = D { 2 }, b = D { 3 } } },
    { { b = D { 1 } } })
  eq(dp, { 2 })
  fails("tangents%[1%] has shape 2, wanted 1", F.jvp, torch.sin, D { 1 }, D { 1, 1 })
  fails("given as a tensor or a table", F.jvp, torch.sin, 3, D { 1 })
  fails("put one table in a table", F.jvp, torch.sin, { a = D { 1 } }, D { 1 })
end

function tests.jvp_inside_of_others()
  local f = function(x, v)
    local _, dy = F.jvp(torch.sin, x, v)
    return dy:sum()
  end
  local g = F.grad(f, { 1, 2 })(D { 0.5 }, D { 2 })
  eq(g[1], { -2 * math.sin(0.5) })
  eq(g[2], { math.cos(0.5) })
  local first = function(x) return (select(2, F.jvp(torch.sin, x, D { 1 }))) end
  local _, second = F.jvp(first, D { 0.5 }, D { 1 })
  eq(second, { -math.sin(0.5) })
end

-- ---- Jacobians and Hessians ----------------------------------------------------------------

function tests.jacobian()
  local f = function(a, b) return torch.stack { a[1] * b[1], a[2] * b[1], a[1] * a[2] } end
  local Ja, Jb = F.jacobian(f, D { 2, 3 }, D { 5 })
  eq(Ja, { { 5, 0 }, { 0, 5 }, { 3, 2 } })
  eq(Jb, { { 2 }, { 3 }, { 0 } })
  tester:eq(Ja.requiresGrad, false)
  eq(F.jacfwd(f)(D { 2, 3 }, D { 5 }), { { 5, 0 }, { 0, 5 }, { 3, 2 } })
  local both = F.jacfwd(f, { 1, 2 })(D { 2, 3 }, D { 5 })
  eq(both[2], { { 2 }, { 3 }, { 0 } })
  local J, aux = F.jacrev(function(x) return x * 2, "aux" end)(D { 1 })
  eq(J, { { 2 } })
  tester:eq(aux, "aux")
end

function tests.jacobian_shapes()
  local x = torch.DoubleTensor(2, 3):fill(1)
  for _, jacobian in ipairs { F.jacrev, F.jacfwd } do
    local J = jacobian(function(v) return torch.sum(v, 1) end)(x)
    tester:eq(J.shape, { 1, 3, 2, 3 })
    eq(J:sum(), 6)
    tester:eq(jacobian(function(v) return v:sum() end)(x).shape, { 2, 3 })
    tester:eq(jacobian(function(v) return v * D { 1, 2 } end)(torch.scalar(2, "float64")).shape, { 2 })
    tester:eq(jacobian(function(v) return v * 2 end)(torch.scalar(2, "float64")):item(), 2)
    eq(jacobian(function() return D { 1, 2 } end)(D { 1 }), { { 0 }, { 0 } }, "a constant")
    tester:eq(jacobian(function(v) return v * 2 end)(torch.DoubleTensor(0)).shape, { 0, 0 })
    local N = jacobian(function(p) return { s = p.a + p.b, t = p.a * 3 } end)({ a = D { 1 }, b = D { 2 } })
    eq(N.s.a, { { 1 } })
    eq(N.s.b, { { 1 } })
    eq(N.t.a, { { 3 } })
    eq(N.t.b, { { 0 } })
  end
end

function tests.jacobian_of_grad_and_grad_of_jacobian()
  local x = D { 1, 2 }
  eq(F.jacobian(F.grad(cube), x), { { 6, 0 }, { 0, 12 } })
  eq(F.jacfwd(F.grad(cube))(x), { { 6, 0 }, { 0, 12 } })
  eq(F.grad(function(v) return F.jacobian(torch.sin, v):sum() end)(x), { -math.sin(1), -math.sin(2) })
  eq(F.grad(function(v) return F.jacfwd(torch.sin)(v):sum() end)(x), { -math.sin(1), -math.sin(2) })
end

function tests.hessian()
  local x = D { 1, 2 }
  eq(F.hessian(function(v) return v[1] * v[1] * v[2] end, x), { { 4, 2 }, { 2, 0 } })
  local H = F.hessian(function(a, b) return torch.dot(a, a) * b:sum() end, x, D { 3 })
  eq(H[1][1], { { 6, 0 }, { 0, 6 } })
  eq(H[1][2], { { 2 }, { 4 } })
  eq(H[2][1], { { 2, 4 } })
  eq(H[2][2], { { 0 } })
  local N = F.hessian(function(p) return torch.cmul(p.a, p.b):sum() end, { a = D { 1 }, b = D { 2 } })
  eq(N.a.b, { { 1 } })
  eq(N.a.a, { { 0 } })
  eq(F.hessian(function(v) return v:sum() end, x), { { 0, 0 }, { 0, 0 } }, "linear")
end

function tests.products_with_the_hessian()
  local x, v = D { 1, 2 }, D { 1, 10 }
  local f = function(u) return u[1] * u[1] * u[2], "aux" end
  for _, product in ipairs { F.hvp, F.vhp } do
    local y, hv, aux = product(f, x, v)
    tester:eq(y:item(), 2)
    tester:eq(aux, "aux")
    eq(hv, { 24, 2 })
    tester:eq(hv.requiresGrad, false)
  end
  local _, list = F.hvp(function(a, b) return torch.dot(a, b) end, { x, v }, { x, false })
  eq(list[1], { 0, 0 })
  eq(list[2], { 1, 2 })
  eq(F.grad(function(u) return (select(2, F.hvp(cube, u, D { 1, 1 }))):sum() end)(x), { 6, 6 })
end

function tests.against_differences()
  torch.manualSeed(3)
  local x = torch.DoubleTensor(3):uniform(0.5, 1.5)
  local f = function(v) return torch.cmul(torch.exp(v), torch.sin(v)):sum() end
  tester:assert(torch.gradcheck(function(v) return F.grad(f)(v) end, x, { second = true }))
  tester:assert(torch.gradcheck(function(v) return F.hessian(f, v) end, x))
  local along = function(v) return (select(2, F.jvp(torch.exp, v, x))) end
  tester:assert(torch.gradcheck(along, x, { second = true }))
end

-- ---- vmap ----------------------------------------------------------------

function tests.vmap()
  local X = D { { 1, 2 }, { 3, 4 }, { 5, 6 } }
  eq(F.vmap(torch.dot)(X, X), { 5, 25, 61 })
  eq(F.vmap(torch.dot, { 1, false })(X, D { 1, 1 }), { 3, 7, 11 })
  eq(F.vmap(torch.dot, { 1 })(X, D { 1, 1 }), { 3, 7, 11 })
  eq(F.vmap(function(x) return x * 2 end, 2)(X), { { 2, 6, 10 }, { 4, 8, 12 } })
  eq(F.vmap(function(x) return x * 2 end, -1, 2)(X), (X * 2))
  local a, b = F.vmap(function(x) return x, x:sum() end, nil, { 2, 1 })(X)
  eq(a, X:t():clone())
  eq(b, { 3, 7, 11 })
  eq(F.vmap(function(x) return torch.pow(x, 2) end)(D { 1, 2 }), { 1, 4 })
  tester:eq(F.vmap(function(x) return x:sum() end)(X).dtype, "float64")
  tester:eq(F.vmap(function(x) return x:sum() end)(X:long()).dtype, "int64")
end

function tests.vmap_of_tables()
  local p = { W = D { { 1, 2 }, { 3, 4 } }, b = D { 10, 20 } }
  local r = F.vmap(function(q) return { s = q.W:sum() + q.b, w = q.W } end)(p)
  eq(r.s, { 13, 27 })
  eq(r.w, p.W)
  p.b = D { 5, 6 }
  r = F.vmap(function(q) return q.W + q.b end, { { W = 1, b = false } })(p)
  eq(r, { { 6, 8 }, { 8, 10 } })
end

function tests.vmap_composes()
  local X = D { { 1, 2 }, { 3, 4 } }
  eq(F.vmap(F.grad(cube))(X), { { 3, 12 }, { 27, 48 } }, "a gradient for each sample")
  eq(F.vmap(F.grad(function(x) return x * x end))(D { 1, 2 }), { 2, 4 })
  eq(F.grad(function(x) return F.vmap(torch.dot)(x, x):sum() end)(X), { { 2, 4 }, { 6, 8 } })
  eq(F.vmap(F.vmap(function(a, b) return a * b end, { false, 1 }), { 1, false })(D { 1, 2 }, D { 3, 4 }),
    { { 3, 4 }, { 6, 8 } })
  local J = F.vmap(F.jacrev(torch.sin))(X)
  tester:eq(J.shape, { 2, 2, 2 })
  local leaf = D { { 1, 2 }, { 3, 4 } }:requireGrad()
  F.vmap(cube)(leaf):sum():backward()
  eq(leaf.grad, { { 3, 12 }, { 27, 48 } })
end

function tests.vmap_errors()
  local X = D { { 1, 2 }, { 3, 4 } }
  fails("argument 2 has size 3 along dimension 1, but argument 1 has 2", F.vmap(torch.dot), X, D { 1, 2, 3 })
  fails("argument 1 has 0 dimensions", F.vmap(cube), torch.scalar(1, "float64"))
  fails("2 dimensions, none of number 3", F.vmap(cube, 3), X)
  fails("no argument is a tensor to slice", F.vmap(cube), 3)
  fails("has no slices", F.vmap(cube), torch.DoubleTensor(0, 3))
  fails("gave a string", F.vmap(function() return "x" end), X)
  fails("shape 1 for slice 1, but 2 for slice 2",
    F.vmap(function(x) return torch.ones(math.floor(x:sum() / 3)) end), X)
  fails("inDims for argument 1 is a string", F.vmap(cube, "x"), X)
end

-- ---- functionalCall ----------------------------------------------------------------

function tests.functional_call()
  local net = nn.Sequential():add(nn.Linear(2, 3)):add(nn.Tanh()):add(nn.Linear(3, 1)):double()
  local x = torch.DoubleTensor(4, 2):uniform()
  local before = net:forward(x):clone()
  local own, params = net:parameters(), {}
  for i, p in ipairs(own) do params[i] = p:detach():clone() end
  eq(F.functionalCall(net, params, x), before)
  for i = 1, #params do params[i]:mul(2) end
  local other = F.functionalCall(net, params, x)
  tester:assert((other - before):abs():max() > 1e-3)
  eq(net:forward(x), before, "the module's own are as they were")
  for _, p in ipairs(params) do tester:eq(p.requiresGrad, false) end
  local _, gradParams = net:parameters()
  net:zeroGradParameters()
  local f = function(p) return F.functionalCall(net, p, x):sum() end
  local grads = F.grad(f)(own)
  f(own):backward()
  net:zeroGradParameters()
  net(x):sum():backward()
  for i, g in ipairs(gradParams) do eq(grads[i], g, "parameter " .. i) end
  local called = function(...) return F.functionalCall(net, { ... }, x) end
  tester:assert(torch.gradcheck(called, params, { second = true }))
end

function tests.functional_call_of_gradients_by_hand()
  local Scale, parent = torch.class("FuncScale", "nn.Module", {})
  function Scale:__init(n)
    parent.__init(self)
    self.weight, self.gradWeight = torch.DoubleTensor(n):fill(3), torch.DoubleTensor(n):fill(100)
  end
  function Scale:updateOutput(input)
    self.output = torch.cmul(input, self.weight)
    return self.output
  end
  function Scale:updateGradInput(_, gradOutput)
    self.gradInput = torch.cmul(gradOutput, self.weight)
    return self.gradInput
  end
  function Scale:accGradParameters(input, gradOutput, scale)
    self.gradWeight:add(scale, torch.cmul(input, gradOutput))
  end
  local module, w, x = Scale.new(2), D { 5, 6 }, D { 1, 2 }
  local net = nn.Sequential():add(module)
  local f = function(p, input) return F.functionalCall(net, p, input):sum() end
  local g = F.grad(f, { 1, 2 })({ w }, x)
  eq(g[1][1], { 1, 2 })
  eq(g[2], { 5, 6 })
  eq(module.gradWeight, { 100, 100 })
  tester:eq(w.requiresGrad, false)
  local _, pull = F.vjp(f, { w }, x)
  eq(pull()[1], { 1, 2 })
  eq(pull()[1], { 1, 2 }, "gradients of one run do not go into the next")
  module:zeroGradParameters()
  net(x):sum():backward()
  eq(module.gradWeight, { 1, 2 }, "the module itself works as before")
end

function tests.functional_call_shares_buffers()
  local norm = nn.BatchNormalization(2):double()
  local params = { D { 1, 1 }, D { 0, 0 } }
  F.functionalCall(norm, params, torch.DoubleTensor(8, 2):uniform(5, 6))
  tester:assert(norm.running_mean:min() > 0.4)
  fails("1 parameters given, the module has 2", F.functionalCall, norm, { D { 1 } }, D { 1 })
  params[2] = D { 1, 1, 1 }
  fails("parameter 2 has shape 3, the module's has 2", F.functionalCall, norm, params, D { 1 })
  fails("parameter 1 is a number", F.functionalCall, norm, { 1, 2 }, D { 1 })
  fails("wanted an nn module, got a table", F.functionalCall, {}, {}, D { 1 })
end

function tests.a_step_of_learning_to_learn()
  -- The loss after one step of descent, differentiated by where the step started.
  local loss = function(w) return torch.pow(w - 3, 2):sum() end
  local after = function(w) return loss(w - F.grad(loss)(w) * 0.25) end
  -- w' = w - (w - 3)/2; d/dw (w' - 3)^2 = 2 (w' - 3) / 2
  eq(F.grad(after)(D { 5 }), { 1 })
end

function tests.custom_functions_and_checkpoints()
  local own = torch.Function {
    forward = function(ctx, x)
      ctx:saveForBackward(x)
      return torch.pow(x, 3)
    end,
    backward = function(ctx, g) return torch.cmul(g, torch.square(ctx:savedTensors()) * 3) end,
  }
  eq(F.grad(own)(D { 2 }), { 12 })
  eq(F.hessian(own, D { 2 }), { { 12 } })
  local kept = function(v) return torch.checkpoint(function(u) return torch.exp(u):sum() end, v) end
  eq(F.grad(kept)(D { 2 }), { math.exp(2) })
  eq(F.hessian(kept, D { 2 }), { { math.exp(2) } })
end

function tests.coroutines_may_yield_inside()
  local run = coroutine.wrap(function()
    return F.grad(function(v)
      coroutine.yield "halfway"
      return v * v
    end)(D { 3 })
  end)
  tester:eq(run(), "halfway")
  eq(run(), { 6 })
end

function tests.graphs_are_freed()
  local x = torch.DoubleTensor(1000):fill(1)
  local function run()
    F.grad(cube)(x)
    F.hvp(cube, x, x)
    F.jvp(torch.sin, x, x)
    local _, pull = F.vjp(torch.sin, x)
    pull(x)
  end
  run()
  collectgarbage()
  collectgarbage()
  local before = torch.memory().live
  for _ = 1, 3 do run() end
  collectgarbage()
  collectgarbage()
  tester:assertle(torch.memory().live, before + 1024)
end

tester:add(tests)
tester:run()
