-- torch.profile: what it counts, what it leaves alone, and the list of tensors that are alive.

local tester, suite = torch.Tester(), torch.TestSuite()

local function row(p, name)
  for _, r in ipairs(p) do
    if r.name == name then return r end
  end
end

function suite.counts_forward_and_backward()
  local x = torch.ones(64, 64):requireGrad()
  local p, answer = torch.profile(function()
    for _ = 1, 5 do torch.mm(x, x):sum():backward() end
    return "answer"
  end)
  local mm = row(p, "mm")
  tester:eq(answer, "answer")
  tester:eq(mm.calls, 5)
  tester:eq(mm.backwardCalls, 5)
  tester:eq(mm.bytes, 5 * 64 * 64 * 4)
  tester:assertge(mm.backwardBytes, 2 * 64 * 64 * 4, "two gradients; later ones are added to them")
  tester:assertgt(mm.seconds, 0)
  tester:assertgt(mm.backwardSeconds, 0)
  local sum = 0
  for _, r in ipairs(p) do sum = sum + r.seconds + r.backwardSeconds end
  tester:assertle(sum, p.seconds, "no time is counted twice")
end

function suite.time_is_where_it_is_spent()
  local a, b = torch.ones(300, 300), torch.ones(2)
  local p = torch.profile(function()
    for _ = 1, 20 do
      torch.mm(a, a)
      torch.exp(b)
    end
  end)
  tester:eq(p[1].name, "mm")
  tester:eq(row(p, "exp").bytes, 20 * 2 * 4)
  tester:eq(p:sort("name")[1].name, "exp")
  tester:eq(p:sort("bytes")[1].name, "mm")
  tester:assert(tostring(p):find("mm .-20 .*Lua and all else") ~= nil, tostring(p))
  tester:assertError(function() p:sort "colour" end)
end

function suite.lua_is_no_operator()
  local x = torch.ones(3)
  local p = torch.profile(function()
    for _ = 1, 10 do
      local n = 0
      for i = 1, 100000 do n = n + i end
      torch.exp(x)
    end
  end)
  tester:assertlt(row(p, "exp").seconds, p.seconds / 4)
end

function suite.an_error_ends_it()
  tester:assertErrorPattern(function() torch.profile(function() error "mine" end) end, "mine")
  tester:assertErrorPattern(function() torch.profile(function() torch.profile(print) end) end, "already")
  tester:assertErrorPattern(function() torch.profile(3) end, "wanted a function, got a number")
  tester:eq(#torch.profile(function() torch.ones(2):exp() end), 1)
end

function suite.traces_are_json()
  local path = os.tmpname()
  local x = torch.ones(3):requireGrad()
  local p = torch.profile(function() torch.exp(x):sum():backward() end)
  tester:eq(p:save(path), p.events)
  local file = io.open(path)
  local trace = require("json").decode(file:read "a").traceEvents
  file:close()
  os.remove(path)
  tester:eq(#trace, 4)
  tester:eq(trace[1].name, "exp")
  tester:eq(trace[4].name, "exp backward")
  tester:assertge(trace[4].ts, trace[1].ts + trace[1].dur)
  tester:assertError(function() p:save "/no/such/folder/trace.json" end)
end

function suite.few_events_are_kept()
  local x = torch.ones(3)
  local p = torch.profile(function() for _ = 1, 10 do torch.exp(x) end end, { events = 4 })
  tester:eq(p.events, 4)
  tester:eq(p.dropped, 6)
  tester:eq(p[1].calls, 10)
end

function suite.lines()
  local line = debug.getinfo(1, "l").currentline + 2
  local p = torch.profile(function()
    for _ = 1, 3 do torch.zeros(1000) end
    return torch.zeros(2)
  end, { lines = true })
  local first, second = p.lines[1], p.lines[2]
  tester:assert(first.where:find("test_profile.lua:" .. line, 1, true) ~= nil, first.where)
  tester:eq({ first.storages, first.bytes, first.deviceBytes }, { 3, 12000, 0 })
  tester:eq({ second.storages, second.bytes }, { 1, 8 })
  tester:eq(torch.profile(function() torch.zeros(2) end).lines, nil)
end

-- More names than there is room for at first.
function suite.many_lines()
  local code = { "local torch = ..." }
  for i = 2, 400 do code[i] = "torch.zeros(2)" end
  local f = load(table.concat(code, "\n"), "=many")
  local p = torch.profile(function() f(torch) end, { lines = true })
  tester:eq(#p.lines, 399)
  local function line_of(l) return tonumber(l.where:match "%d+$") end
  table.sort(p.lines, function(a, b) return line_of(a) < line_of(b) end)
  for i, l in ipairs(p.lines) do tester:eq({ l.where, l.bytes }, { "many:" .. i + 1, 8 }) end
end

function suite.no_device()
  local p = torch.profile(function() torch.ones(3):exp() end)
  tester:eq({ p.usesDevice, p.deviceEvents, p[1].deviceSeconds, p[1].deviceBytes }, { false, 0, 0, 0 })
  tester:eq(p:sort("deviceTime"):sort("deviceBytes"), p)
  tester:eq(tostring(p):find("device", 1, true), nil)
end

function suite.custom_functions()
  local f = torch.Function {
    forward = function(_, x) return x * 2 end,
    backward = function(_, g) return g * 2 end,
  }
  local x = torch.ones(3):requireGrad()
  local p = torch.profile(function() f(x):sum():backward() end)
  tester:eq(row(p, "custom function").backwardCalls, 1)
end

function suite.coroutines_and_collected_ones()
  local co = coroutine.wrap(function()
    torch.profile(function() coroutine.yield() end)
    return "end"
  end)
  co()
  tester:assertError(function() torch.profile(function() end) end)
  tester:eq(co(), "end")
  tester:eq(#torch.profile(function() end), 0)
end

function suite.watching()
  tester:eq(torch._watch(true), false)
  local x = torch.zeros(1000)
  local line = debug.getinfo(1, "l").currentline - 1
  local found
  for _, s in ipairs(torch._watched()) do
    if s.storage == torch.pointer(x:storage()) then found = s end
  end
  tester:eq(found.bytes, 4000)
  tester:eq(found.dtype, "float32")
  tester:assert(found.where:find("test_profile.lua:" .. line, 1, true) ~= nil, found.where)
  collectgarbage()
  local before = #torch._watched()
  x:free()
  tester:eq(#torch._watched(), before - 1)
  local y = torch.zeros(10)
  tester:eq(torch._watch(false), true)
  tester:eq(torch._watched(), nil)
  y:free() -- its list is gone for us, but not for it
end

function suite.peak()
  torch.zeros(1000000):free()
  tester:assertge(torch.memory().peak, 4000000)
  torch.resetPeak()
  tester:eq(torch.memory().peak, torch.memory().live)
end

-- A step of the collector comes before a large result is made, which can so take the place of a dead one.
function suite.large_results_take_turns()
  local n = 1000000
  local a, b = torch.FloatTensor(n):fill(1), torch.FloatTensor(n):fill(2)
  local results = {
    function() return a + b end,
    function() return torch.cmul(a, b) end,
    function() return torch.exp(a) end,
    function() return a:clone() end,
  }
  for i, f in ipairs(results) do
    collectgarbage()
    torch.resetPeak()
    local before = torch.memory().live
    for _ = 1, 30 do f() end
    tester:assertle((torch.memory().peak - before) / (4 * n), 1.1, "result " .. i)
  end
end

-- What a finalizer does to an operand then is seen by the operator.
function suite.finalizer_before_large_result()
  local n = 1000000
  local a, b = torch.FloatTensor(n), torch.FloatTensor(n)
  local errors, results = 0, 0
  for i = 1, 60 do
    a:resize(n):fill(1)
    b:resize(n):fill(2)
    setmetatable({}, { __gc = function() (i % 2 == 0 and a or b):resize(7) end })
    local ok, y = pcall(torch.add, a, b)
    if ok then results = results + 1 else errors = errors + 1 end
    if ok and y:nElement() == n then tester:eq(y[n], 3) end
  end
  tester:assertgt(results, 0)
  tester:eq(results + errors, 60)
end

tester:add(suite)
tester:run()
