-- test_nngraph: graph and nngraph: what graphs compute, that an unrolled LSTM of clones has the gradients of
-- one run on the tape, that it learns; files, copies, drawings, names, mistakes.
local torch = require "torch"
local nn = require "nn"
local graph = require "graph"
local nngraph = require "nngraph"
local walk = dofile "tests/nn/walk.lua"
local cases = dofile "tests/nn/cases/nngraph.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()
walk.modules(tester, tests, cases)

local function here() return debug.getinfo(2, "l").currentline end

-- ---- graph -----------------------------------------------------------------------------------------

local function nodes(n)
  local list = {}
  for i = 1, n do list[i] = graph.Node(i) end
  return list
end

local function graph_of(list, ...)
  local g = graph.Graph()
  for _, pair in ipairs { ... } do g:add(graph.Edge(list[pair[1]], list[pair[2]])) end
  return g
end

local function data_of(list)
  local found = {}
  for i, node in ipairs(list) do found[i] = node.data end
  return table.concat(found, " ")
end

function tests.graphs()
  local n = nodes(5)
  local g = graph_of(n, { 1, 2 }, { 1, 3 }, { 2, 4 }, { 3, 4 }, { 2, 3 }, { 5, 3 }, { 1, 2 })
  tester:eq(data_of(g.nodes), "1 2 3 4 5")
  tester:eq(#g.edges, 7)
  tester:eq(data_of(n[1].children), "2 3", "an edge twice is one child")
  tester:eq(data_of(g:roots()), "1 5")
  tester:eq(data_of(g:leaves()), "4")
  local order = {}
  n[1]:bfs(function(node) order[#order + 1] = node end)
  tester:eq(data_of(order), "1 2 3 4")
  order = {}
  n[1]:dfs(function(node) order[#order + 1] = node end)
  tester:eq(data_of(order), "4 3 2 1")
  local place = {}
  for i, node in ipairs((g:topsort())) do place[node.data] = i end
  for _, e in ipairs(g.edges) do tester:assert(place[e.from.data] < place[e.to.data], "order") end
  tester:eq(data_of(g:reverse():roots()), "4")
  tester:eq(data_of(g:clone():topsort()), data_of((g:topsort())))
  tester:eq(data_of(n[1]:graph().nodes), "1 2 3 4")
  local before, after = {}, {}
  n[2]:visit(function(node) before[#before + 1] = node end, function(node) after[#after + 1] = node end)
  tester:eq(data_of(before), "2 4 3 4")
  tester:eq(data_of(after), "4 4 3 2")
end

function tests.cycles()
  local n = nodes(4)
  local g = graph_of(n, { 1, 2 }, { 2, 3 }, { 3, 4 })
  tester:eq(g:hasCycle(), false)
  g:add(graph.Edge(n[4], n[2]))
  tester:eq(g:hasCycle(), true)
  tester:assertErrorPattern(function() g:topsort() end, "has cycles")
  tester:eq(graph_of(nodes(2), { 1, 2 }, { 2, 1 }):hasCycle(), true)
  tester:assertErrorPattern(function() g:add(3) end, "graph.Edge")
end

function tests.long_chains()
  local n, g = nodes(30000), graph.Graph()
  for i = 2, #n do g:add(graph.Edge(n[i - 1], n[i])) end
  tester:eq(#g:topsort(), 30000)
  tester:eq(g:hasCycle(), false)
  local node = nn.Identity()()
  local first = node
  for _ = 1, 2000 do node = nn.MulConstant(1)(node) end
  local net = nn.gModule({ first }, { node })
  tester:eq(net:clone():forward(torch.ones(2)):sum(), 2)
  tester:eq(net:double():backward(torch.ones(2):double(), torch.ones(2):double()):sum(), 2)
end

-- ---- calls -----------------------------------------------------------------------------------------

function tests.what_a_call_makes()
  local m = nn.Linear(2, 2)
  tester:eq(torch.typename(m()), "nngraph.Node")
  tester:assert(m().data.module == m)
  tester:assert(torch.isTensor(m(torch.ones(2))), "tensors still run")
  tester:eq(#nn.ConcatTable():add(m):add(m)(torch.ones(2)), 2)
  tester:assert(torch.isTensor(nn.CAddTable()({ torch.ones(2), torch.ones(2) })))
  tester:eq(nn.MSECriterion()(torch.ones(2), torch.ones(2)):item(), 0)
  tester:eq(torch.typename(nn.MSECriterion()({ m(), m() }).data.module), "nn.ModuleFromCriterion")
  tester:eq(torch.typename((m() - nn.Tanh()).data.module), "nn.Tanh")
  tester:assertErrorPattern(function() return m - nn.Tanh() end, "is an nn.Module, specifically a nn.Linear")
end

function tests.several_arguments_on_the_tape()
  local net = cases.lstm(3, 2)
  local x, c, h = torch.randn(4, 3), torch.randn(4, 2), torch.randn(4, 2)
  tester:eq(net(x, c, h)[2]:detach(), net:forward({ x, c, h })[2]:detach(), 0)
end

local function expect_error(f, pattern) tester:assertErrorPattern(f, pattern, pattern) end

function tests.mistakes_in_a_graph()
  local a, b = nn.Identity()(), nn.Identity()()
  expect_error(function() nn.Tanh()(nil) end, "inputs%[1%] is nil")
  expect_error(function() nn.Tanh()({}) end, "empty table of inputs")
  expect_error(function() nn.CAddTable()({ a, nn.Tanh() }) end,
    "inputs%[2%] is an nn.Module, specifically a nn.Tanh")
  expect_error(function() nn.CAddTable()({ a, 3 }) end,
    "inputs%[2%] should be an nngraph.Node but is of type number")
  expect_error(function() nn.CAddTable()({ a, nil, b }) end, "inputs%[2%] is nil")
  expect_error(function() nn.CAddTable()(a, b) end, "Use {input1, input2}")
  expect_error(function() nn.gModule({ a }, { nn.Tanh()(a), nn.Tanh() }) end, "outputs%[2%] is an nn.Module")
  expect_error(function() nn.gModule(a, { a }) end, "inputs should be a table of nodes")
  expect_error(function() nn.gModule({ a }, {}) end, "no outputs are not supported")
  expect_error(function() nn.Identity()():split(0) end, "split: 0 parts")
  expect_error(function() nngraph.nest {} end, "what is this")
  expect_error(function() nngraph.nest() end, "Pass an input")
  local c, d = nn.Identity()(), nn.Identity()()
  expect_error(function() nn.gModule({ c, d }, { nn.Tanh()(c) }) end, "1 of split%(2%) outputs")
  c, d = nn.Identity()(), nn.Identity()()
  expect_error(function() nn.gModule({ c }, { nn.CAddTable()({ c, d }) }) end,
    "test_nngraph.lua%]:%d+_ has no input and is not among the inputs")
  c = nn.Identity()()
  local unused, line = nn.Tanh()(c), here()
  expect_error(function() nn.gModule({ c }, { nn.Sigmoid()(c) }) end,
    ("test_nngraph.lua%%]:%d_ does not connect"):format(line))
  tester:eq(unused.data.annotations._debugLabel:match(":(%d+)_$"), tostring(line))
  c = nn.Identity()()
  local part = c:split(2)
  expect_error(function() nn.gModule({ c }, { part }) end,
    "split at %[.*test_nngraph.lua%]:%d+%-mnode are unused")
end

function tests.mistakes_are_at_the_script()
  local line
  local ok, why = pcall(function()
    line = here(); nn.Tanh()(nn.Tanh())
  end)
  tester:eq(ok, false)
  tester:assert(why:find(("test_nngraph.lua:%d: inputs[1]"):format(line), 1, true) ~= nil, why)
  ok, why = pcall(function()
    line = here(); nn.gModule({ nn.Tanh() }, {})
  end)
  tester:eq(ok, false)
  tester:assert(why:find(("test_nngraph.lua:%d: "):format(line), 1, true) ~= nil, why)
end

function tests.errors_name_the_node()
  local x = nn.Identity()()
  local hidden = nn.Linear(3, 2)(x):annotate { name = "encoder" }
  local net = nn.gModule({ x }, { nn.Tanh()(hidden) })
  expect_error(function() net(torch.ones(2, 5)) end, "in gModule%[2 encoder%]:Linear, given 2x5")
  expect_error(function() net:forward(torch.ones(2, 5)) end, "in gModule%[2 encoder%]:Linear, given 2x5")
  local outer = nn.Sequential():add(net)
  expect_error(function() outer(torch.ones(2, 5)) end, "in Sequential%[1%]:gModule%[2 encoder%]:Linear")
  local y = nn.Identity()()
  local a, b = nn.SplitTable(2)(y):annotate({ name = "parts" }):split(2)
  net = nn.gModule({ y }, { nn.CAddTable()({ a, b }) })
  tester:eq(net:forward(torch.ones(4, 2)):sum(), 8)
  expect_error(function() net:forward(torch.ones(4, 3)) end, "split%(2%) cannot split 3 outputs")
  local two = cases[3].make()
  expect_error(function() two:forward(torch.ones(2, 4)) end,
    "expecting table of 2 inputs, got a torch.%a+Tensor")
  expect_error(function() two:forward({ torch.ones(2, 4) }) end, "Got 1 inputs instead of 2")
  local good = { torch.ones(2, 4), torch.ones(2, 2) }
  local out = two:forward(good)
  expect_error(function() two:backward(good, { out[1] }) end, "Got 1 gradOutputs instead of 2")
end

-- ---- an unrolled LSTM ----------------------------------------------------------------------------------

local INPUTS, SIZE, STEPS, BATCH = 5, 4, 6, 3

-- As char-rnn does it: one graph for a step, its copies made through a file in memory.
local function clone_many_times(net, n)
  local params, grads = net:parameters()
  local file = torch.MemoryFile("w"):binary()
  file:writeObject(net)
  local clones = {}
  for t = 1, n do
    local reader = torch.MemoryFile(file:storage(), "r"):binary()
    local clone = reader:readObject()
    reader:close()
    local p, g = clone:parameters()
    for i = 1, #params do
      p[i]:set(params[i])
      g[i]:set(grads[i])
    end
    clones[t] = clone
  end
  return clones
end

local function step_net()
  local x, c, h = nn.Identity()(), nn.Identity()(), nn.Identity()()
  local next_c, next_h = cases.lstm(INPUTS, SIZE)({ x, c, h }):split(2)
  local out = nn.LogSoftMax()(nn.Linear(SIZE, INPUTS)(next_h):annotate { name = "decoder" })
  return nn.gModule({ x, c, h }, { next_c, next_h, out })
end

local function one_hot(classes)
  local rows = torch.zeros(classes:size(1), INPUTS):double()
  for i = 1, classes:size(1) do rows[i][classes[i]] = 1 end
  return rows
end

-- Forward over time and back, by hand; the loss.
local function unrolled(clones, crits, xs, ys)
  local c, h, loss, preds = {}, {}, 0, {}
  c[0], h[0] = torch.zeros(BATCH, SIZE):double(), torch.zeros(BATCH, SIZE):double()
  for t = 1, STEPS do
    local out = clones[t]:forward { xs[t], c[t - 1], h[t - 1] }
    c[t], h[t], preds[t] = out[1], out[2], out[3]
    loss = loss + crits[t]:forward(preds[t], ys[t])
  end
  local dc, dh = torch.zerosLike(c[0]), torch.zerosLike(c[0])
  for t = STEPS, 1, -1 do
    local dout = crits[t]:backward(preds[t], ys[t])
    local back = clones[t]:backward({ xs[t], c[t - 1], h[t - 1] }, { dc, dh, dout })
    dc, dh = back[2], back[3]
  end
  return loss
end

local function sequences()
  local xs, ys = {}, {}
  local classes = torch.LongTensor(BATCH):random(1, INPUTS)
  for t = 1, STEPS do
    xs[t], ys[t] = one_hot(classes), torch.LongTensor(BATCH)
    for i = 1, BATCH do ys[t][i] = classes[i] % INPUTS + 1 end
    classes = ys[t]
  end
  return xs, ys
end

local function criterions()
  local list = {}
  for t = 1, STEPS do list[t] = nn.ClassNLLCriterion():double() end
  return list
end

function tests.clones_have_the_gradients_of_the_tape()
  torch.manualSeed(3)
  local net = step_net():double()
  local params, grads = net:getParameters()
  local clones = clone_many_times(net, STEPS)
  local xs, ys = sequences()
  local shared = net:clone("weight", "bias", "gradWeight", "gradBias")
  grads:zero()
  local loss = unrolled(clones, criterions(), xs, ys)
  local by_clones = grads:clone()
  tester:assert(by_clones:norm() > 0.1)

  grads:zero()
  local c, h = torch.zeros(BATCH, SIZE):double(), torch.zeros(BATCH, SIZE):double()
  local sum, crit = 0, nn.ClassNLLCriterion():double()
  for t = 1, STEPS do
    local out = net { xs[t], c, h }
    c, h = out[1], out[2]
    sum = sum + crit(out[3], ys[t])
  end
  sum:backward()
  tester:eq(sum:item(), loss, 1e-12)
  tester:eq(grads, by_clones, 1e-12)
  params:fill(0.1)
  tester:eq(clones[2]:parameters()[1]:detach():min(), 0.1, 1e-12, "clones share")
  tester:eq(shared:parameters()[1]:detach():min(), 0.1, 1e-12, "clone by names shares")
end

function tests.an_unrolled_lstm_learns()
  torch.manualSeed(3)
  local net = step_net():double()
  local params, grads = net:getParameters()
  local clones, crits = clone_many_times(net, STEPS), criterions()
  local xs, ys = sequences()
  local first, last
  for i = 1, 60 do
    grads:zero()
    last = unrolled(clones, crits, xs, ys) / STEPS
    first = first or last
    tester:assert(last == last, "step " .. i)
    params:add(-0.5, grads)
  end
  tester:assert(first > 1.3 and last < 0.3, ("from %g to %g"):format(first, last))
end

-- ---- the module's own --------------------------------------------------------------------------------

function tests.protocol_in_parts()
  local x = torch.randn(4, 3)
  local net = cases[4].make()
  local input = torch.randn(2, 3):double()
  net:double()
  local y = net:updateOutput(input)
  tester:assert(y == net.output)
  local g = net:updateGradInput(input, torch.onesLike(y))
  tester:assert(g == net.gradInput and g:norm() > 0)
  for _, m in ipairs(net.modules) do
    tester:assert(torch.isTensor(m.output) and m.output:nElement() == 6, "output of each")
    tester:assert(m.gradInput ~= nil, "gradInput of each")
  end
  local p = net:parameters()
  local before, twin = p[1]:clone(), net:clone()
  net:accUpdateGradParameters(input, torch.onesLike(y), 0.1)
  twin:zeroGradParameters()
  twin:forward(input)
  twin:backward(input, torch.onesLike(y))
  twin:updateParameters(0.1)
  tester:eq(p[1], (twin:parameters())[1], 1e-12)
  tester:assert((p[1] - before):norm() > 0)
  tester:eq(x:dim(), 2)
end

function tests.what_nodes_were_given()
  local x = nn.Identity()()
  local hidden = nn.Linear(3, 2)(x)
  local a, b = nn.Tanh()(hidden), nn.Sigmoid()(hidden)
  local net = nn.gModule({ x }, { a, b }):double()
  local input = torch.randn(4, 3):double()
  tester:assert(net:get(2) == hidden.data.module)
  local out = net:forward(input)
  tester:eq(hidden.data.input[1], input, 0)
  tester:eq(net.outnode.data.input[2], out[2], 0)
  local ga, gb = torch.randn(4, 2):double(), torch.randn(4, 2):double()
  net:backward(input, { ga, gb })
  tester:eq(#hidden.data.gradOutput, 2)
  tester:eq(hidden.data.gradOutput[1] + hidden.data.gradOutput[2],
    a.data.module.gradInput + b.data.module.gradInput, 1e-12)
  tester:eq(x.data.gradOutput[1], hidden.data.module.gradInput, 0)
  local text = ("gradOutput = {%s[4x2],%s[4x2]}"):format(input:type(), input:type())
  tester:assert(hidden:label():find(text, 1, true) ~= nil, hidden:label())
  net:float()
  tester:eq(net.innode.data.input[1]:type(), torch.FloatTensor():type())
  tester:eq(hidden.data.input[1]:type(), torch.FloatTensor():type())
  net:clearState()
  tester:eq(net.innode.data.input, nil)
end

function tests.orders_modes_and_replacing()
  local x = nn.Identity()()
  local first, drop = nn.Linear(3, 2), nn.Dropout(0.5)
  local net = nn.gModule({ x }, { nn.Sigmoid()(drop(first(x))) })
  local seen = {}
  net:apply(function(m) seen[#seen + 1] = torch.typename(m):match("%w+$") end)
  tester:eq(table.concat(seen, " "), "gModule Identity Linear Dropout Sigmoid")
  tester:eq(net:size(), 4)
  tester:eq(#net.forwardnodes, 6)
  tester:assert(net.forwardnodes[1].data == net.innode.data and net.backwardnodes[1] == net.outnode)
  net:evaluate()
  tester:eq(drop.train, false)
  net:training()
  tester:eq(drop.train, true)
  net:replace(function(m) return torch.typename(m) == "nn.Dropout" and nn.Identity() or m end)
  tester:eq(torch.typename(net:get(3)), "nn.Identity")
  local input = torch.randn(5, 3)
  tester:eq(net:forward(input), torch.sigmoid(first:forward(input)), 1e-6)
  tester:eq(tostring(net), "nn.gModule")
  net.name = "net"
  tester:eq(tostring(net), "net")
  tester:eq(net:namedParameters()[1].name, "1.weight")
end

function tests.share_and_map()
  local net, other = step_net(), step_net()
  other:share(net, "weight", "bias")
  local pairs_seen = 0
  net:map(other, function(a, b)
    pairs_seen = pairs_seen + 1
    tester:eq(torch.typename(a), torch.typename(b))
  end)
  tester:eq(pairs_seen, #net.modules)
  tester:assert(other:parameters()[1]:isSetTo(net:parameters()[1]))
  tester:assertError(function() net:map(cases[1].make(), function() end) end)
end

function tests.functional_call()
  local net = cases[1].make():double()
  local params = {}
  for i, p in ipairs((net:parameters())) do params[i] = torch.zerosLike(p:detach()):requireGrad() end
  local y = torch.func.functionalCall(net, params, torch.randn(2, 4):double())
  tester:eq(y:sum():item(), 0)
  y:sum():backward()
  tester:eq(params[4].grad:sum(), 4)
end

function tests.a_module_by_hand_inside()
  local Double = torch.class("NngraphDouble", "nn.Module", {})
  function Double:updateOutput(input)
    self.output = input * 2
    return self.output
  end
  function Double:updateGradInput(_, gradOutput)
    self.gradInput = gradOutput * 2
    return self.gradInput
  end
  local x = nn.Linear(3, 2)()
  local net = nn.gModule({ x }, { nn.Tanh()(Double.new()(x)) })
  local input = torch.randn(4, 3)
  tester:eq(net:forward(input), torch.tanh(net:get(1):forward(input) * 2), 1e-6)
  local y = net:forward(input)
  net:zeroGradParameters()
  net:backward(input, torch.onesLike(y))
  local direct = torch.addcmul(torch.onesLike(y), -1, y, y) * 2
  tester:eq(net:get(1).gradBias, direct:sum(1):view(2), 1e-5)
end

-- ---- files, names, drawings -----------------------------------------------------------------------------

function tests.files()
  local net = step_net():double()
  local function rand(n) return torch.randn(3, n):double() end
  local input = { rand(INPUTS), rand(SIZE), rand(SIZE) }
  local out = net:forward(input)
  for _, format in ipairs { "binary", "ascii" } do
    local path = os.tmpname()
    torch.save(path, net, format)
    local copy = torch.load(path, format)
    os.remove(path)
    tester:eq(copy:forward(input)[3], out[3], 0)
    tester:eq(copy.forwardnodes[4].data.annotations.name, net.forwardnodes[4].data.annotations.name)
    tester:assert(copy.forwardnodes[2].data.mapindex[copy.innode.data] ~= nil
      or #copy.forwardnodes[2].data.mapindex == 1)
    local g = copy:backward(input, out)
    tester:eq(#g, 3)
  end
end

-- Early versions kept no list of modules, and did not say how many inputs there are; Torch7 kept what the
-- nodes were given.
function tests.old_files()
  local net = cases.lstm(3, 2):double()
  local input = { torch.randn(4, 3):double(), torch.randn(4, 2):double(), torch.randn(4, 2):double() }
  local out = net:forward(input)
  local count = #net.modules
  net.modules, net.nInputs = nil, nil
  for _, node in ipairs(net.forwardnodes) do
    setmetatable(node.data, nil)
    node.data.input, node.data.gradOutput = { torch.ones(1) }, { torch.ones(1) }
  end
  local copy = torch.deserialize(torch.serialize(net))
  tester:eq(copy:forward(input)[2], out[2], 0)
  tester:eq(#copy.modules, count)
  tester:eq(copy.forwardnodes[#copy.forwardnodes].data.input[2], out[2], 0)
end

function tests.nested_tables()
  local nesting = require "nngraph.nesting"
  local a = { torch.ones(2), { torch.ones(3), torch.ones(1) } }
  local b = nesting.cloneNested(a)
  nesting.fillNested(b, 4)
  nesting.addNestedTo(a, b)
  tester:eq(a[2][1]:sum() + b[2][1]:sum(), 27)
  nesting.copyNested(b, a)
  tester:eq(b[1], torch.ones(2) * 5)
  nesting.resizeNestedAs(b, { torch.ones(4), { torch.ones(3) }, torch.ones(2) })
  tester:eq(b[1]:size(1) + b[3]:size(1), 6)
  tester:eq(#b[2], 1)
  expect_error(function() nesting.copyNested(a, b) end, "no entry")
  expect_error(function() nesting.addNestedTo({}, a) end, "no entry 1")
end

function tests.verbose()
  local net = cases[1].make()
  local printed, print_before = 0, print
  net.verbose = true
  _G.print = function(text)
    printed = printed + 1
    tester:assert(text:find("^ V : ") ~= nil, text)
  end
  net:forward(torch.ones(2, 4))
  _G.print = print_before
  tester:eq(printed, #net.forwardnodes)
end

function tests.names()
  local function make()
    local input = nn.Identity()()
    local hidden = nn.Linear(2, 2)(input):annotate { name = "mine" }
    local output = nn.Tanh()(hidden)
    nngraph.annotateNodes()
    return nn.gModule({ input }, { output })
  end
  local found = {}
  for _, node in ipairs(make().forwardnodes) do found[#found + 1] = node.data.annotations.name end
  tester:eq(table.concat(found, " "), "input mine output")
end

local function in_a_folder(f)
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. folder))
  local ok, why = pcall(f, folder)
  os.execute("rm -r " .. folder)
  if not ok then error(why, 0) end
end

local function contents(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

function tests.drawings()
  local x = nn.Identity()():annotate { name = "In put", description = "first",
    graphAttributes = { color = "red" } }
  local net = nn.gModule({ x }, { nn.Tanh()(nn.Linear(3, 2)(x)) })
  net:forward(torch.ones(4, 3))
  local text = net.fg:todot('a "title"')
  tester:assert(text:find('label="a \\"title\\"";', 1, true) ~= nil, text)
  tester:assert(text:find('%[color=red label="In put %(%d+%)\\ndesc = first\\n') ~= nil, text)
  tester:assert(text:find("module = nn.Linear%(3 %-> 2%)") ~= nil, text)
  tester:eq(select(2, text:gsub("n%d+ %-> n%d+;", "")), #net.fg.edges)
  local simple = nngraph.simple_print.todot(net.fg)
  tester:eq(select(2, simple:gsub("label=", "")), 2, "the modules that do something")
  tester:eq(select(2, simple:gsub("n%d+ %-> n%d+;", "")), 1)
  in_a_folder(function(folder)
    local path = folder .. "/it's"
    graph.dot(net.fg, "title", path)
    tester:assert(contents(path .. ".dot"):find("^digraph G {") ~= nil)
    if os.execute("command -v dot >/dev/null 2>&1") then
      tester:assert(contents(path .. ".svg"):find("<svg") ~= nil)
      tester:eq(graph.graphvizLayout(net.fg):size(1), #net.fg.nodes)
    else
      tester:assertErrorPattern(function() graph.graphvizLayout(net.fg) end, "Graphviz is not installed")
    end
    tester:assertErrorPattern(function() graph.dot(net.fg, "x", folder .. "/none/x") end, "No such file")
  end)
end

function tests.a_drawing_of_what_failed()
  local x = nn.Identity()()
  local net = nn.gModule({ x }, { nn.Linear(3, 2)(x) })
  in_a_folder(function(folder)
    net.name = folder .. "/bad"
    nngraph.setDebug(true)
    local ok, why = pcall(net.forward, net, torch.ones(4, 5))
    nngraph.setDebug(false)
    tester:eq(ok, false)
    tester:assert(why:find("Linear") ~= nil, why)
    local text = contents(folder .. "/bad.dot")
    local id = text:match("n(%d+)%[style=filled, fillcolor=red%];\n}$")
    tester:assert(text:find(("n%s%%[label=[^\n]*nn.Linear"):format(id)) ~= nil, text)
    os.remove(folder .. "/bad.dot")
    pcall(net.forward, net, torch.ones(4, 5))
    tester:eq(io.open(folder .. "/bad.dot"), nil, "off again")
  end)
end

return tester:add(tests):run()
