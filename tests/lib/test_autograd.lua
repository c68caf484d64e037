-- test_autograd: the tape: what is recorded, running backward, writes in place, custom functions.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function leaf(v)
  return torch.DoubleTensor(v):requireGrad()
end

local function eq(got, wanted, message)
  if type(wanted) == "table" then wanted = torch.DoubleTensor(wanted) end
  tester:eq(got, wanted, 1e-12, message or "value")
end

-- ---- state of a tensor ----------------------------------------------------------------

function tests.properties()
  local x = torch.DoubleTensor { 1, 2 }
  tester:eq(x.requiresGrad, false)
  tester:eq(x.isLeaf, true)
  tester:assert(x.grad == nil)
  tester:assert(torch.pointer(x:requireGrad()) == torch.pointer(x))
  tester:eq(x.requiresGrad, true)
  local y = x * 2
  tester:eq(y.requiresGrad, true)
  tester:eq(y.isLeaf, false)
  tester:eq(y:detach().requiresGrad, false)
  x.requiresGrad = false
  tester:eq((x * 2).requiresGrad, false)
  tester:assertErrorPattern(function() y.requiresGrad = false end, "detach")
  tester:assertErrorPattern(function() torch.IntTensor { 1 }:requireGrad() end, "float")
  tester:assertErrorPattern(function() y.nonsense = 1 end, "nonsense")
end

function tests.gradients_accumulate()
  local x = leaf { 1, 2, 3 };
  (x * x):backward()
  eq(x.grad, { 2, 4, 6 })
  local g = x.grad;
  (x * x):backward()
  eq(x.grad, { 4, 8, 12 })
  tester:eq(torch.pointer(g), torch.pointer(x.grad), "the same tensor goes on being the gradient")
  x.grad = nil
  tester:assert(x.grad == nil)
  x.grad = torch.DoubleTensor { 1, 1, 1 }
  torch.sum(x):backward()
  eq(x.grad, { 2, 2, 2 })
  tester:assertErrorPattern(function() x.grad = torch.DoubleTensor(2) end, "shape")
  tester:assertErrorPattern(function() x.grad = x end, "its own gradient")
  tester:assertErrorPattern(function() x.grad = torch.FloatTensor(3) end, "float32")
end

function tests.scale()
  local x = leaf { 1, 2 }
  torch.sum(x):backward { scale = 3 }
  eq(x.grad, { 3, 3 })
  torch.sum(x):backward { scale = -1 }
  eq(x.grad, { 2, 2 })
end

function tests.shared_subexpressions()
  local x = leaf { 2 }
  local y = torch.cmul(x, x)
  local z = torch.cmul(y, y) + y
  z:backward()
  eq(x.grad, { 4 * 8 + 4 })
  x.grad = nil
  local a = x * 3
  torch.cat { a, a, x }:sum():backward()
  eq(x.grad, { 7 })
end

function tests.given_gradients()
  local x = leaf { 1, 2, 3 }
  local y = x * 2
  tester:assertErrorPattern(function() y:backward() end, "give a gradient of its shape")
  y:backward(torch.DoubleTensor { 1, 10, 100 })
  eq(x.grad, { 2, 20, 200 })
  tester:assertErrorPattern(function() (x * 2):backward(torch.DoubleTensor { 1, 2 }) end, "shape")
  tester:assertErrorPattern(function() torch.DoubleTensor { 1 }:backward() end, "does not require")
  x.grad = nil;
  (x * 2):backward(torch.FloatTensor { 1, 1, 1 })
  eq(x.grad, { 2, 2, 2 }, "a gradient of another type is converted")
end

function tests.mixed_types()
  local x = torch.FloatTensor { 1, 2 }:requireGrad()
  local y = torch.cmul(x, torch.DoubleTensor { 3, 4 })
  tester:eq(y.dtype, "float64")
  y:sum():backward()
  tester:eq(x.grad, torch.FloatTensor { 3, 4 })
  local h = torch.HalfTensor { 1, 2 }:requireGrad()
  h:float():pow(2):sum():backward()
  tester:eq(h.grad, torch.HalfTensor { 2, 4 })
end

-- ---- forms of running backward ----------------------------------------------------------------

function tests.graph_is_freed_by_backward()
  local x = leaf { 1, 2 }
  local y = torch.sum(torch.cmul(x, x))
  y:backward()
  tester:assertErrorPattern(function() y:backward() end, "retainGraph")
  local z = torch.sum(torch.cmul(x, x))
  z:backward { retainGraph = true }
  z:backward()
  eq(x.grad, { 6, 12 })
end

function tests.grad_function()
  local x, w = leaf { 1, 2 }, leaf { 3, 4 }
  local y = torch.cmul(x, w)
  local g = torch.grad(torch.sum(y), x)
  eq(g, { 3, 4 })
  tester:assert(x.grad == nil and w.grad == nil, "torch.grad leaves .grad alone")
  local both = torch.grad(torch.sum(torch.cmul(x, w)), { x, w })
  eq(both[1], { 3, 4 })
  eq(both[2], { 1, 2 })
  local unused = leaf { 1 }
  local some = torch.grad(torch.sum(torch.cmul(x, w)), { x, unused })
  tester:eq(some[2], false)
  local weighted = torch.grad({ torch.cmul(x, w), x * 1 }, x,
    { torch.DoubleTensor { 1, 0 }, torch.DoubleTensor { 0, 5 } })
  eq(weighted, { 3, 5 })
  local inner = torch.cmul(x, w)
  eq(torch.grad(torch.sum(torch.square(inner)), inner), { 6, 16 })
  torch.grad(torch.sum(torch.cmul(x, w)), x, nil, { accumulate = true })
  eq(w.grad, { 1, 2 })
  tester:assertErrorPattern(function() torch.grad(torch.sum(x * 1), torch.DoubleTensor { 1 }) end,
    "does not require")
  tester:assertErrorPattern(function() torch.grad(torch.sum(x * 1), { 3 }) end, "wanted a tensor")
end

function tests.higher_order()
  local x = leaf { 2 }
  local y = torch.pow(x, 4)
  local first = torch.grad(y, x, nil, { createGraph = true })
  eq(first, { 32 })
  local second = torch.grad(first, x, nil, { createGraph = true })
  eq(second, { 48 })
  local third = torch.grad(second, x, nil, { createGraph = true })
  eq(third, { 48 })
  eq(torch.grad(third, x), { 24 })
  -- Through .grad too.
  local z = leaf { 3 }
  torch.pow(z, 3):backward { createGraph = true }
  eq(z.grad:detach(), { 27 })
  tester:assert(z.grad.requiresGrad)
  z.grad = nil -- which holds the graph, which holds z
end

function tests.retained_gradients()
  local x = leaf { 1, 2 }
  local y = x * 3
  y:retainGrad()
  local z = torch.sum(torch.square(y))
  z:backward()
  eq(y.grad, { 6, 12 })
  eq(x.grad, { 18, 36 })
  tester:assertErrorPattern(function() torch.DoubleTensor { 1 }:retainGrad() end, "no graph")
  -- A retained tensor that is collected before backward does no harm.
  local function make()
    local h = x * 2
    h:retainGrad()
    return torch.sum(torch.square(h))
  end
  local loss = make()
  collectgarbage()
  collectgarbage()
  loss:backward()
  eq(x.grad, { 18 + 8, 36 + 16 })
end

function tests.retained_gradient_follows_writes_in_place()
  local x = leaf { 1, 2 }
  local y = x * 3
  y:retainGrad()
  y:mul(2)
  torch.sum(y):backward()
  eq(y.grad, { 1, 1 })
  eq(x.grad, { 6, 6 })
end

function tests.retained_gradient_of_a_view_follows_writes_to_it()
  local x = leaf { 1, 2 }
  local y = x * 1
  local view = y:narrow(1, 1, 2):retainGrad()
  view:mul(3)
  torch.sum(torch.square(y)):backward()
  eq(x.grad, { 18, 36 })
  tester:assert(view.grad == nil, "y was used, and not the view as it is now")
end

function tests.modes()
  local x = leaf { 1 }
  tester:eq(torch.isGradEnabled(), true)
  local a, b = torch.noGrad(function(v)
    tester:eq(torch.isGradEnabled(), false)
    return (x * v).requiresGrad, torch.enableGrad(function() return (x * v).requiresGrad end)
  end, 2)
  tester:eq(a, false)
  tester:eq(b, true)
  tester:assertErrorPattern(function() torch.noGrad(function() error("inside") end) end, "inside")
  tester:eq(torch.isGradEnabled(), true, "the mode is put back after an error")
end

function tests.detach_shares_elements()
  local x = leaf { 1, 2 }
  local d = x:detach()
  d[1] = 7
  eq(x:detach(), { 7, 2 })
  tester:eq(d.requiresGrad, false)
  local y = x * 2
  torch.sum(torch.cmul(y, y:detach())):backward()
  eq(x.grad, { 28, 8 }, "no gradient through detach")
end

-- ---- writes in place ----------------------------------------------------------------

function tests.leaves_are_changed_and_not_recorded()
  local x = leaf { 1, 2, 3 }
  x:add(1)
  x:uniform(-0.1, 0.1)
  x:copy(torch.DoubleTensor { 1, 2, 3 })
  x:add(-0.5, torch.DoubleTensor { 2, 2, 2 })
  x[1] = 5
  x[{ { 2, 3 } }]:mul(2)
  x:narrow(1, 3, 1):fill(9)
  x[torch.gt(x:detach(), 8)] = 4
  tester:eq(x.isLeaf, true)
  eq(x:detach(), { 5, 2, 4 })
  torch.sum(torch.square(x)):backward()
  eq(x.grad, { 10, 4, 8 })
end

function tests.a_gradient_cannot_be_lost_in_a_leaf()
  local x, w = leaf { 1, 2 }, leaf { 3, 4 }
  for name, f in pairs {
    copy = function() x:copy(w) end,
    add = function() x:add(w) end,
    cmul = function() x:cmul(w * 2) end,
    assign = function() x[1] = w[2] end,
    region = function() x[{ { 1, 2 } }] = w * 1 end,
    view = function() x:narrow(1, 1, 1):copy(w:narrow(1, 1, 1)) end,
    result = function() torch.mul(x, w, 2) end,
    index = function() x:indexCopy(1, torch.LongTensor { 1, 2 }, w) end,
    mask = function() x[torch.BoolTensor { true, true }] = w end,
  } do
    tester:assertErrorPattern(f, "leaf", name)
  end
  eq(x:detach(), { 1, 2 })
  torch.noGrad(function() x:copy(w) end)
  eq(x:detach(), { 3, 4 })
end

function tests.overwritten_values_are_found()
  local x = leaf { 1, 2 }
  local function failing(f)
    local ok, why = pcall(function() f():sum():backward() end)
    tester:eq(ok, false)
    tester:assert(why:find("overwritten in place", 1, true) ~= nil, why)
    tester:assert(why:find("test_autograd.lua:%d+") ~= nil, why)
    return why
  end
  local why = failing(function()
    local y = torch.exp(x)
    y:mul(2)
    return y
  end)
  tester:assert(why:find("backward of exp", 1, true) ~= nil, why)
  failing(function()
    local a = x * 1
    local b = torch.cmul(a, a)
    a:zero()
    return b
  end)
  failing(function() -- through a view
    local a = x * 1
    local b = torch.sin(a)
    a[1] = 3
    return b
  end)
  failing(function() -- through another tensor of the storage
    local a = x * 1
    local b = torch.sin(a)
    a:detach():fill(1)
    return b
  end)
  failing(function() -- a constant
    local c = torch.DoubleTensor { 1, 2 }
    local b = torch.cmul(x, c)
    c:add(1)
    return b
  end)
  -- What is not needed may be overwritten.
  local a = x * 3
  local b = a + 1
  a:zero()
  b:sum():backward()
  eq(x.grad, { 3, 3 })
end

function tests.in_place_on_results()
  local x = leaf { 1, 2 }
  local y = x * 2
  y:add(1):mul(3)
  y:cmul(y)
  torch.sum(y):backward()
  -- y = (6x + 3)^2
  eq(x.grad, { 2 * 9 * 6, 2 * 15 * 6 })
end

function tests.in_place_on_a_tensor_without_gradient()
  local x = leaf { 1, 2 }
  local buffer = torch.DoubleTensor(3):zero()
  buffer[{ { 1, 2 } }] = x
  buffer:add(1)
  tester:eq(buffer.requiresGrad, true)
  torch.sum(torch.square(buffer)):backward()
  eq(x.grad, { 4, 6 })
  -- fill starts a new history
  buffer:zero()
  local z = torch.sum(buffer)
  x.grad = nil
  if torch.isTensor(z) then z:backward() end
  eq(x.grad or torch.DoubleTensor { 0, 0 }, { 0, 0 })
end

function tests.results_first()
  local x = leaf { 1, 2 }
  local out = torch.DoubleTensor(5)
  local same = torch.mul(out, x, 3)
  tester:eq(torch.pointer(same), torch.pointer(out))
  tester:eq(out:size():totable(), { 2 })
  torch.sum(out):backward()
  eq(x.grad, { 3, 3 })
  x.grad = nil
  local m = torch.DoubleTensor()
  torch.mm(m, x:view(2, 1), x:view(1, 2))
  torch.sum(m):backward()
  eq(x.grad, { 6, 6 })
  x.grad = nil
  local narrow = torch.FloatTensor()
  torch.sum(torch.mul(narrow, x, 2)):backward()
  eq(x.grad, { 2, 2 }, "a result of another float type")
end

function tests.views_see_writes_to_their_base()
  local x = leaf { 1, 2, 3 }
  local y = x * 1
  local head = y:narrow(1, 1, 2)
  y:mul(2)
  torch.sum(head):backward { retainGraph = true }
  eq(x.grad, { 2, 2, 0 })
  x.grad = nil
  head:mul(5)
  torch.sum(y):backward()
  eq(x.grad, { 10, 10, 2 })
  eq(y:detach(), { 10, 20, 6 })
end

function tests.views_of_views_write_back()
  local x = leaf { { 1, 2 }, { 3, 4 } }
  local y = x * 1
  local column = y:t()[1]
  column:narrow(1, 2, 1):mul(10)
  tester:eq(column.requiresGrad, true)
  torch.sum(torch.square(y)):backward()
  eq(x.grad, { { 2, 4 }, { 600, 8 } })
end

function tests.expanded_tensors_are_no_place_to_write()
  local y = torch.DoubleTensor { 1, 2 }:view(1, 2):expand(3, 2)
  for _, f in ipairs {
    function() y:add(1) end, function() y:zero() end, function() y[1] = 3 end,
    function() y:copy(torch.DoubleTensor(3, 2)) end, function() y:uniform() end,
  } do
    local ok, why = pcall(f)
    if not ok then tester:assert(why:find("expanded", 1, true) ~= nil, why) end
  end
  tester:assertErrorPattern(function() y:add(1) end, "expanded")
end

function tests.resize_and_set_of_results()
  local x = leaf { 1, 2 }
  local y = x * 2
  tester:assertErrorPattern(function() y:resize(4) end, "result on the tape")
  tester:assertErrorPattern(function() y:set() end, "result on the tape")
end

-- An operator that reads another view of what it overwrites: the views' histories are out of date at once.
function tests.a_view_read_while_its_base_is_written()
  local x = leaf { 1, 2 }
  local y = x * 1
  local same = y:narrow(1, 1, 2)
  y:lerp(same, 0.5):mul(3)
  torch.sum(same):backward()
  eq(x.grad, { 3, 3 })
  x.grad = nil
  y = x * 1
  same = y:narrow(1, 1, 2)
  y:add(same)
  torch.sum(torch.square(same)):backward()
  eq(x.grad, { 8, 16 }, "both terms are x")
end

function tests.a_leaf_read_while_its_elements_are_written()
  local x = leaf { 2, 3 }
  local y = x:detach()
  y:cmul(x)
  torch.sum(y):backward()
  eq(x.grad, { 2, 3 })
end

-- Where the result cannot be computed in its place.
function tests.in_place_by_way_of_another_tensor()
  local x = leaf { { 1, 2 }, { 3, 4 } }
  local ones = torch.DoubleTensor { { 1, 1 }, { 1, 1 } }
  local y = x * 1
  y:t():addmm(ones, ones)
  torch.sum(torch.cmul(y, x:detach())):backward()
  eq(x.grad, { { 1, 2 }, { 3, 4 } }, "addmm to a transposed matrix")
  x.grad = nil
  y = x * 1
  torch.cumsum(y, y, 1)
  torch.sum(torch.cmul(y, x:detach())):backward()
  eq(x.grad, { { 4, 6 }, { 3, 4 } }, "cumsum into its argument")
  x.grad = nil
  y = x * 1
  y:lerp(y:t(), 0.5)
  torch.sum(torch.cmul(y, x:detach())):backward()
  eq(x.grad, { { 1, 2.5 }, { 2.5, 4 } }, "lerp with its transpose")
end

function tests.writes_of_a_tensor_to_places_of_itself()
  local x = leaf { 1, 2, 3 }
  local y = x * 1
  y:indexCopy(1, torch.LongTensor { 1, 3, 2 }, y)
  eq(y:detach(), { 1, 3, 2 })
  torch.sum(torch.cmul(y, torch.DoubleTensor { 1, 10, 100 })):backward()
  eq(x.grad, { 1, 100, 10 })
  local z = torch.DoubleTensor { 1, 2, 3 }
  eq(z:clone():maskedCopy(torch.BoolTensor { false, true, true }, z), { 1, 1, 2 })
  z:scatterAdd(1, torch.LongTensor { 2, 3, 1 }, z)
  eq(z, { 4, 3, 5 })
  z:indexAdd(1, torch.LongTensor { 2, 3, 1 }, z)
  eq(z, { 9, 7, 8 })
end

-- A leaf that is a view of something is the base of its own views.
function tests.a_leaf_that_is_a_view()
  local flat = torch.DoubleTensor { 1, 2, 3, 4 }
  local x = flat:view(2, 2):requireGrad()
  x[{ {}, 2 }] = torch.DoubleTensor { 5, 6 }
  tester:eq(x.isLeaf, true)
  torch.sum(torch.square(x)):backward()
  eq(x.grad, { { 2, 10 }, { 6, 12 } })
  eq(flat, { 1, 5, 3, 6 })
end

function tests.parts_of_tensors_that_repeat_elements()
  local x = leaf { 1, 2, 3, 4, 5 }
  local windows = torch.tanh(x):unfold(1, 3, 1)
  local second = { second = true }
  for _, part in ipairs {
    function(v) return torch.tanh(v):unfold(1, 3, 1):diagonal() end,
    function(v) return torch.tanh(v):unfold(1, 3, 1):unfold(1, 2, 1) end,
  } do
    tester:assert(torch.gradcheck(part, x, second))
  end
  torch.sum(windows:diagonal()):backward()
  local d = 1 - torch.square(torch.tanh(x:detach()))
  eq(x.grad, { d[1], 0, d[3], 0, d[5] })
end

-- What mv computes is a view of a product of matrices, which nobody sees.
function tests.a_result_is_no_view_of_something_hidden()
  local x = leaf { { 1, 2 }, { 3, 4 } }
  local y = torch.mv(x, torch.DoubleTensor { 1, 1 })
  local part = y:narrow(1, 1, 1)
  y:mul(2)
  eq(torch.grad(torch.sum(part), y), { 1, 0 })
end

-- A factor that no gradient needs may be overwritten.
function tests.only_what_is_needed_is_saved()
  local x, c = leaf { { 1, 2 }, { 3, 4 } }, torch.DoubleTensor { { 1, 0 }, { 0, 1 } }
  local v = torch.DoubleTensor { 1, 1 }
  for name, f in pairs {
    mm = function(y) return torch.mm(y, c) end,
    addmm = function(y) return torch.addmm(c, y, c) end,
    dot = function(y) return torch.dot(y[1], v) end,
    addcmul = function(y) return torch.addcmul(c, y, c) end,
    addcdiv = function(y) return torch.addcdiv(c, y, c + 1) end,
  } do
    local y = x * 1
    local z = f(y)
    y:zero()
    tester:assert(pcall(function() torch.sum(z):backward() end), name)
  end
end

function tests.gradients_with_a_graph_are_tensors_of_their_own()
  local x, y = leaf { 1, 2 }, leaf { 3, 4 };
  (torch.sum(x + y) + torch.sum(torch.square(x))):backward { createGraph = true }
  eq(x.grad:detach(), { 3, 5 })
  eq(y.grad:detach(), { 1, 1 })
  x.grad, y.grad = nil, nil -- they lead back to x and y
end

-- ---- scalars and numbers ----------------------------------------------------------------

function tests.full_reductions()
  local x = leaf { 3, 4 }
  local plain = torch.DoubleTensor { 3, 4 }
  tester:eq(plain:sum(), 7)
  tester:eq(type(plain:norm()), "number")
  tester:eq(plain:dot(plain), 25)
  local s = x:sum()
  tester:assert(torch.isTensor(s))
  tester:eq(s:dim(), 0)
  tester:eq(s:nElement(), 1)
  tester:eq(s:item(), 7)
  tester:eq(tostring(s), "7")
  tester:eq(("%.2f %s %d"):format(s, "and", torch.scalar(3, "int32")), "7.00 and 3")
  tester:assertErrorPattern(function() return ("%d"):format(x) end, "test_autograd.lua:%d+.*number expected")
  tester:eq(s > 6, true)
  tester:eq(s <= 6, false)
  tester:eq(8 > s, true)
  tester:eq("loss: " .. s, "loss: 7")
  local mix = (s + 1) * 2 - 3 / s
  tester:assert(torch.isTensor(mix))
  tester:assert(math.abs(mix:item() - (16 - 3 / 7)) < 1e-12)
  mix:backward()
  tester:assert(math.abs(x.grad[1] - (2 + 3 / 49)) < 1e-12)
  tester:assert(torch.isTensor(x[1]), "an element of a tensor with a gradient is a tensor")
  tester:eq(plain[1], 3)
end

-- ---- custom functions ----------------------------------------------------------------

function tests.values_that_others_replace()
  local places = torch.LongTensor { 1, 1, 3 }
  for name, write in pairs {
    scatter = function(y, v) y:scatter(1, places, v) end,
    indexCopy = function(y, v) y:indexCopy(1, places, v) end,
    key = function(y, v) y[places] = v end,
    indexPut = function(y, v) y:copy(torch.indexPut(y, { places }, v)) end,
  } do
    local x, v = leaf { 1, 2, 3 }, leaf { 10, 20, 30 }
    local y = x * 1
    write(y, v)
    eq(y:detach(), { 20, 2, 30 }, name)
    torch.sum(torch.cmul(y, torch.DoubleTensor { 5, 6, 7 })):backward()
    eq(v.grad, { 0, 5, 7 }, name)
    eq(x.grad, { 0, 6, 0 }, name)
    tester:assert(torch.gradcheck(function(a, b)
      local z = a * 1
      write(z, b)
      return z
    end, { x:detach(), v:detach() }, { second = true }), name)
  end
  local m, v = torch.zeros(3, 3, "double") * 1, leaf { 1, 2 }
  m[{ torch.LongTensor { 2, 2 }, torch.LongTensor { 3, 3 } }] = v
  torch.sum(m):backward()
  eq(v.grad, { 0, 1 })
end

function tests.views_made_without_recording()
  local x = torch.DoubleTensor { 1, 2 }:requireGrad()
  local y = x * 2
  local v = torch.noGrad(function() return y:narrow(1, 1, 1) end)
  tester:eq(v.requiresGrad, false)
  tester:assertErrorPattern(function() v:mul(10) end, "made inside torch.noGrad")
  tester:assertErrorPattern(function() v:view(1, 1):mul(10) end, "made inside torch.noGrad")
  tester:assertErrorPattern(function() v[1] = 5 end, "made inside torch.noGrad")
  tester:eq(y:totable(), { 2, 4 })
  torch.noGrad(function() v:mul(10) end)
  tester:eq(y:totable(), { 20, 4 })
  local weight = torch.noGrad(function() return x:view(2, 1) end)
  weight:add(1) -- a leaf's value is changed and not recorded, as always
  tester:eq(x:totable(), { 2, 3 })
  tester:assertErrorPattern(function() weight:copy(torch.exp(x):view(2, 1)) end, "leaf")
  -- Whether or not the whole was on the tape then.
  local buffer = torch.DoubleTensor { 1, 2 }
  local part = torch.noGrad(function() return buffer:narrow(1, 1, 1) end)
  part:mul(2)
  tester:eq(buffer:totable(), { 2, 2 })
  buffer:copy(x)
  tester:assertErrorPattern(function() part:mul(2) end, "made inside torch.noGrad")
  -- A leaf, or what is left of a tensor that is gone, is the script's own.
  local own = torch.noGrad(function() return (x * 1):view(2, 1) end):requireGrad()
  torch.sum(torch.square(own:view(2))):backward()
  eq(own.grad, { { 4 }, { 6 } })
end

function tests.custom_function()
  local x, w = leaf { 1, 2 }, leaf { 3, 4 }
  local calls = 0
  local out = torch._custom({ x, w }, { torch.cmul(x:detach(), w:detach()) }, function(g)
    calls = calls + 1
    return torch.cmul(g, w:detach()), torch.cmul(g, x:detach())
  end)
  tester:eq(#out, 1)
  torch.sum(out[1] * 2):backward()
  tester:eq(calls, 1)
  eq(x.grad, { 6, 8 })
  eq(w.grad, { 2, 4 })
end

function tests.custom_function_of_several_results()
  local x = leaf { 1, 2 }
  local plain = x:detach()
  local out = torch._custom({ x }, { plain * 2, plain * 3 }, function(a, b) return a * 2 + b * 3 end)
  torch.sum(out[2]):backward { retainGraph = true }
  eq(x.grad, { 3, 3 }, "the other's gradient is zero")
  torch.sum(out[1]):backward()
  eq(x.grad, { 5, 5 })
end

function tests.custom_function_without_a_gradient()
  local x = leaf { 1, 2 }
  local out = torch._custom({ x }, { x:detach() * 2 }, function() return nil end)
  torch.sum(out[1]):backward()
  eq(x.grad or torch.DoubleTensor { 0, 0 }, { 0, 0 })
  local plain = torch._custom({ torch.DoubleTensor { 1 } }, { torch.DoubleTensor { 2 } }, error)
  tester:eq(plain[1].requiresGrad, false)
end

function tests.errors_in_custom_functions()
  local x = leaf { 1, 2 }
  local function run(f)
    torch.sum(torch._custom({ x }, { x:detach() * 2 }, f)[1]):backward()
  end
  tester:assertErrorPattern(function() run(function() error("from inside") end) end, "from inside")
  tester:assertErrorPattern(function() run(function() return "text" end) end, "wanted a tensor")
  tester:assertErrorPattern(function() run(function() return torch.DoubleTensor(7) end) end, "shape")
  tester:assertErrorPattern(function() run(function() error { code = 1 } end) end, "no string")
  tester:assertErrorPattern(function() torch._custom({ x }, { x }, 3) end, "function")
  eq(torch.grad(torch.sum(x * 2), x), { 2, 2 }, "the tape works after an error")
  tester:eq(torch.isGradEnabled(), true)
end

function tests.backward_inside_backward()
  local x = leaf { 2 }
  local out = torch._custom({ x }, { x:detach() * 2 }, function(g)
    local y = leaf { 5 }
    torch.enableGrad(function() torch.cmul(y, y):backward() end)
    return torch.cmul(g, y.grad)
  end)
  out[1]:backward()
  eq(x.grad, { 10 })
end

function tests.custom_functions_are_freed()
  local released = setmetatable({}, { __mode = "v" })
  local x = leaf { 1 }
  do
    local held = {}
    released[1] = held
    local out = torch._custom({ x }, { x:detach() * 2 }, function(g) return g, held end)
    torch.sum(out[1]):backward()
  end
  collectgarbage()
  collectgarbage()
  tester:assert(released[1] == nil, "the function's values are let go after backward")
end

-- ---- gradcheck ----------------------------------------------------------------

function tests.gradcheck_finds_errors()
  local x = torch.DoubleTensor { 1, 2 }
  local ok, why = torch.gradcheck(function(v)
    return torch._custom({ v }, { v:detach() * 2 }, function(g) return g * 3 end)[1]
  end, { x })
  tester:eq(ok, false)
  for _, text in ipairs { "the gradient of input 1 (2 float64) is wrong: 2 of 2 elements", "at element [1]:",
    "backward gives 2.946403787, differences give 1.9642691", "absolute error 0.982, relative error 0.5,",
    "allowed 1e-05 + 0.001 |value|" } do
    tester:assert(why:find(text, 1, true) ~= nil, why)
  end
  local y = torch.DoubleTensor { { 1, 2 }, { 3, 4 } }
  ok, why = torch.gradcheck(function(v, w) -- wrong in one element of the second input
    return torch.sum(v) + torch.sum(w) + w[2][1]:detach()
  end, { x, y })
  tester:eq(ok, false)
  tester:assert(why:find("input 2 (2x2 float64) is wrong: 1 of 4 elements", 1, true) ~= nil, why)
  tester:assert(why:find("at element [2][1]:", 1, true) ~= nil, why)
  ok, why = torch.gradcheck(function(v) return torch.scalar(3, "float64") * v:detach():sum() end,
    torch.scalar(1, "float64"))
  tester:eq(ok, false)
  tester:assert(why:find("at the only element: backward gives 0", 1, true) ~= nil, why)
  -- A gradient that is right, whose own gradient is not.
  local function half(v)
    return torch._custom({ v }, { torch.pow(v:detach(), 2) }, function(g) return g * v:detach() * 2 end)[1]
  end
  tester:eq(torch.gradcheck(half, torch.scalar(3, "float64")), true)
  for _, check in ipairs { torch.gradgradcheck,
    function(f, v) return torch.gradcheck(f, v, { second = true }) end } do
    ok, why = check(half, torch.scalar(3, "float64"))
    tester:eq(ok, false)
    tester:assert(why:find("the second-order gradient of input 1", 1, true) ~= nil, why)
  end
  tester:eq(torch.gradgradcheck(torch.exp, x), true)
  ok, why = torch.gradcheck(function() error("inside") end, { x })
  tester:eq(ok, false)
  tester:assert(why:find("inside", 1, true) ~= nil)
  ok, why = torch.gradcheck(function(v) return v * 2 end, { torch.FloatTensor { 1 } })
  tester:eq(ok, false)
  tester:assert(why:find("float64", 1, true) ~= nil)
  tester:eq((torch.gradcheck(function(v) return torch.square(v) end, x, { second = true })), true)
end

-- ---- size ----------------------------------------------------------------

function tests.long_chain()
  do
    local x = leaf { 1 }
    local y = x
    for _ = 1, 1000000 do y = y + 1 end
    y:backward()
    eq(x.grad, { 1 })
  end
  collectgarbage() -- frees the chain, without recursion
end

function tests.graphs_are_freed()
  collectgarbage()
  local before = torch.memory().live
  do
    local x = torch.randn(100, 100):requireGrad()
    local y = x
    for _ = 1, 20 do y = torch.tanh(torch.mm(y, x)) end
    y:sum():backward()
    local z = torch.sin(x)
    z:retainGrad()
    z:mul(2)
    z[1] = 0
  end
  collectgarbage()
  collectgarbage()
  tester:assertle(torch.memory().live, before + 1024)
end

-- A gradient that was made zero may take over the elements of what comes: it stays the same tensor, and
-- who sees its elements otherwise sees them change.
function tests.zeroed_gradients()
  local function twice(x) return function() torch.cmul(x, x):sum():backward() end end
  local x = leaf { 1, 2, 3 }
  local step = twice(x)
  step()
  local grad = x.grad
  grad:zero()
  step()
  eq(grad, { 2, 4, 6 })
  eq(x.grad, { 2, 4, 6 })
  step()
  eq(grad, { 4, 8, 12 })
  local view = grad:narrow(1, 2, 2)
  grad:zero()
  step()
  eq(view, { 4, 6 })
  grad:zero()[1] = 10 -- not zero any more
  view = nil -- luacheck: ignore
  collectgarbage()
  step()
  eq(grad, { 12, 4, 6 })
  grad:zero()
  local both = torch.DoubleTensor(6):zero()
  x.grad = both:narrow(1, 4, 3)
  step()
  eq(both, { 0, 0, 0, 2, 4, 6 })
  x.grad = nil
  grad = nil -- luacheck: ignore
  local y = leaf { 1, 1, 1 }
  local shared, z = torch.DoubleTensor(3):fill(1), x + y -- what backward got stays the caller's
  z:backward(shared)
  eq(x.grad, { 1, 1, 1 })
  x.grad:add(1)
  eq(y.grad, { 1, 1, 1 })
  eq(shared, { 1, 1, 1 })
end

function tests.more_inputs_than_a_short_counts()
  local list = {}
  for i = 1, 40000 do list[i] = torch.ones(1):requireGrad() end
  local y = torch.cat(list, 1)
  y:backward(torch.range(1, #list))
  eq(list[1].grad[1], 1)
  eq(list[#list].grad[1], #list)
end

tester:add(tests)
tester:run()
