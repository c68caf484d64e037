-- test_tester: torch.Tester and torch.TestSuite.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- Runs a tester on one function and returns whether the run succeeded and all that it wrote.
local function run(f, prepare)
  local inner = torch.Tester()
  local suite = torch.TestSuite()
  suite.inner = function() f(inner) end
  inner:add(suite)
  if prepare then prepare(inner) end
  local write, out = io.write, {}
  io.write = function(...) -- luacheck: ignore
    for i = 1, select("#", ...) do out[#out + 1] = tostring((select(i, ...))) end
  end
  local ok, err = pcall(inner.run, inner)
  io.write = write -- luacheck: ignore
  return ok, table.concat(out), err, inner
end

local function passes(f)
  local ok, out = run(f)
  tester:assert(ok, "should pass:\n" .. out)
end

local function fails(f, pattern)
  local ok, out = run(f)
  tester:assert(not ok, "should fail")
  tester:assert(out:find(pattern) ~= nil, ("no '%s' in:\n%s"):format(pattern, out))
end

function tests.numbers_and_values()
  passes(function(t) t:eq(1, 1.0) t:eq("a", "a") t:eq(nil, nil) t:eq(1, 1.05, 0.1) end)
  passes(function(t) t:ne(1, 2) t:ne(1, "1") end)
  passes(function(t) t:asserteq(1, 1) t:assertne(1, 2) t:assertlt(1, 2) t:assertle(2, 2) end)
  passes(function(t) t:assertgt(2, 1) t:assertge(2, 2) t:assertalmosteq(1, 1.1, 0.2) end)
  fails(function(t) t:eq(1, 2) end, "EQ failed: 1 ~= 2")
  fails(function(t) t:eq(1, 1.5, 0.1, "my words") end, "my words\nEQ failed: 1 ~= 1.5 with tolerance=0.1")
  fails(function(t) t:eq(1, "1") end, "different types %(first: number, second: string%)")
  fails(function(t) t:assertlt(2, 1) end, "LT failed: 2 >= 1")
  fails(function(t) t:asserteq(2, 1, "words") end, "words\nEQ failed: 2 ~= 1")
  fails(function(t) t:assertalmosteq(1, 2) end, "ALMOST_EQ failed")
  fails(function(t) t:eq(0 / 0, 0 / 0) end, "EQ failed")
  passes(function(t) t:eq(math.huge, math.huge) end)
end

function tests.tables()
  passes(function(t) t:eq({ 1, { 2, x = "a" } }, { 1, { 2, x = "a" } }) end)
  passes(function(t) t:assertTableEq({ 1.0 }, { 1.01 }, 0.1) t:assertTableNe({ 1 }, { 2 }) end)
  fails(function(t) t:eq({ 1, { 2, 3 } }, { 1, { 2, 4 } }) end, "At table location 2.2: EQ failed: 3 ~= 4")
  fails(function(t) t:eq({ a = 1 }, {}) end, "Entry a missing in second table")
  fails(function(t) t:eq({}, { a = 1 }) end, "Entry a missing in first table")
  fails(function(t) t:ne({ 1 }, { 1 }) end, "The tables are equal")
  local loop = {}
  loop.self = loop
  local other = {}
  other.self = other
  passes(function(t) t:eq(loop, other) end)
end

function tests.tensors()
  local a = torch.FloatTensor { { 1, 2 }, { 3, 4 } }
  local b = a:clone()
  b[2][1] = 3.5
  passes(function(t) t:eq(a, a:clone()) t:assertTensorEq(a, b, 0.5) t:assertTensorNe(a, b) end)
  passes(function(t) t:eq({ a, 1 }, { a:clone(), 1 }) end)
  passes(function(t) t:eq(torch.FloatTensor(), torch.FloatTensor()) end)
  fails(function(t) t:eq(a, b) end, "max diff=0.5, tolerance=0, at %[2%]%[1%]: 3.0 and 3.5")
  fails(function(t) t:eq(a, a:double()) end, "different types: torch.FloatTensor and torch.DoubleTensor")
  fails(function(t) t:eq(a, a:narrow(1, 1, 1)) end, "different sizes: 2x2 and 1x2")
  fails(function(t) t:eq(a, a:view(4)) end, "different dimensions: 2x2 and 4")
  fails(function(t) t:ne(a, a:clone()) end, "TensorNE")
  fails(function(t) t:assertTensorEq(a, 1) end, "Second argument should be a Tensor")
  local nan = a:clone()
  nan[1][2] = 0 / 0
  fails(function(t) t:eq(nan, a) end, "max diff=%-?nan.*%[1%]%[2%]")
  passes(function(t) t:eq(torch.FloatTensor { math.huge }, torch.FloatTensor { math.huge }) end)
  local ok, out = run(function(t) t:assertTensorEq(a, a:view(4)) end)
  tester:assert(ok and out:find("different dimensions") ~= nil)
  passes(function(t) t:eq(torch.ByteTensor { 1, 255 }, torch.ByteTensor { 1, 255 }) end)
  passes(function(t) t:eq(a:storage(), a:clone():storage()) end)
  fails(function(t) t:eq(a:storage(), b:storage()) end, "Storage")
end

function tests.errors_in_functions()
  local function bad() error("haha") end
  passes(function(t) t:assertError(bad) t:assertErrorPattern(bad, "ha+") end)
  passes(function(t) t:assertNoError(function() end) end)
  passes(function(t) t:assertErrorMsg(function() error("x", 0) end, "x") end)
  passes(function(t) t:assertErrorObj(function() error({ 5 }) end, function(e) return e[1] == 5 end) end)
  fails(function(t) t:assertError(function() end) end, "ERROR violation")
  fails(function(t) t:assertErrorPattern(bad, "hehe") end, "ERROR violation: err=.*haha")
  fails(function(t) t:assertNoError(bad) end, "ERROR violation")
  fails(function() bad() end, "Function call failed\n.*haha\nstack traceback")
end

function tests.messages_have_the_line()
  local line = debug.getinfo(1, "l").currentline + 1
  local _, out = run(function(t) t:eq(1, 2) end)
  local pattern = "inner\nEQ failed: 1 ~= 2\n  at [^\n]*test_tester%.lua:" .. line .. "\n"
  tester:assert(out:find(pattern) ~= nil, out)
end

function tests.the_end_of_a_run()
  local ok, out, _, inner = run(function(t) t:eq(1, 1) t:eq(2, 2) end)
  tester:assert(ok)
  tester:eq(inner.countasserts, 2)
  tester:assert(out:find("Completed 2 asserts in 1 test with 0 failures and 0 errors\n1 passed, 0 failed\n$")
    ~= nil, out)
  local failed, text, err = run(function(t) t:eq(1, 2) end)
  tester:assert(not failed and tostring(err):find("error was found while running tests") ~= nil)
  tester:assert(text:find("0 passed, 1 failed\n$") ~= nil)
  local _, short = run(function(t) t:eq(1, 2) end, function(t) t:setSummaryOnly(true) end)
  tester:assert(short:find("EQ failed") == nil)
end

function tests.choosing_tests()
  local ran = {}
  local inner = torch.Tester()
  local suite = torch.TestSuite()
  for _, name in ipairs { "one", "two", "three" } do suite[name] = function() ran[#ran + 1] = name end end
  inner:add(suite)
  local write = io.write
  io.write = function() end -- luacheck: ignore
  local ok, err = pcall(function()
    inner:run("two")
    inner:run { "^t", "one" }
    inner:disable("three"):run()
  end)
  io.write = write -- luacheck: ignore
  tester:assert(ok, tostring(err))
  tester:eq(ran, { "two", "one", "two", "three", "one", "two" })
  tester:assertErrorPattern(function() inner:run("four") end, "Couldn't find test 'four'")
  tester:assertErrorPattern(function() inner:disable("four") end, "Unrecognized test 'four'")
end

function tests.set_up_and_early_abort()
  local order = {}
  local inner = torch.Tester()
  inner:add(function(name) order[#order + 1] = "up " .. name end, "_setUp")
  inner:add(function(name) order[#order + 1] = "down " .. name end, "_tearDown")
  inner:add(function() error("broken") end, "a")
  inner:add(function() order[#order + 1] = "b" end, "b")
  inner:setEarlyAbort(true)
  local write = io.write
  io.write = function() end -- luacheck: ignore
  local ok = pcall(inner.run, inner)
  io.write = write -- luacheck: ignore
  tester:assert(not ok)
  tester:eq(order, { "up a", "down a" })
  tester:assertErrorPattern(function() inner:add(print, "_setUp") end, "Only one")
end

function tests.adding()
  local suite = torch.TestSuite()
  function suite.a() end
  tester:assertErrorPattern(function() function suite.a() end end, "Test a is already defined%.")
  tester:assertErrorPattern(function() suite.b = {} end, "Nested")
  tester:assertErrorPattern(function() suite.b = 1 end, "Only functions")
  tester:assertErrorPattern(function() torch.Tester():add({ {} }) end, "Nested sets")
  tester:assertErrorPattern(function() torch.Tester():add(suite, "name") end, "no name")
  tester:assertErrorPattern(function() torch.Tester():add(1) end, "Only tables")
  tester:assertErrorPattern(function() torch.Tester():add(suite):add(suite) end, "already exists")
  local ok, out = run(function() end, function(t) t:add({ more = function() end }) end)
  tester:assert(ok and out:find("use TestSuite rather than plain lua table") ~= nil)
end

function tests.wrong_use()
  fails(function(t) t:assert(true, "a", "b") end, "Unexpected arguments")
  fails(function(t) t:eq(1, 1, "a", "b") end, "another string")
  fails(function(t) t:eq(1, 1, -1) end, "tolerance is negative")
  local ok, out = run(function(t) t:assert({}) end)
  tester:assert(ok and out:find("should only be used for boolean") ~= nil)
end

function tests.rethrowing()
  local inner = torch.Tester()
  inner:setRethrowErrors(true)
  inner:add(function() inner:eq(1, 2) end, "a")
  local write = io.write
  io.write = function() end -- luacheck: ignore
  local ok, err = pcall(inner.run, inner)
  io.write = write -- luacheck: ignore
  tester:assert(not ok and tostring(err):find("EQ failed") ~= nil)
end

tester:add(tests):run()
