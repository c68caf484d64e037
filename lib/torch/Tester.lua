-- Tester: torch.Tester, which runs test functions, counts what they assert and reports.
--
-- An assertion that fails is recorded with the script's line and the test goes on.  A run with a
-- failure raises an error at its end, so that the program's exit code tells.

local caller = require "torch.caller"
local terminal = require "xlua._terminal"

local raise = caller.raise
local WIDTH = 80

local colours = { pass = "32", fail = "31", error = "35", skip = "33", wait = "36" }

local function colour(text, kind)
  if not terminal.isatty() or os.getenv("NO_COLOR") then return text end
  return ("\27[%sm%s\27[0m"):format(colours[kind], text)
end

local function count_text(n, what)
  return ("%d %s%s"):format(n, what, n == 1 and "" or "s")
end

return function(torch)
  local compare = require "torch.compare"(torch)
  local Tester = torch.class("torch.Tester", torch)

  --- Runs test functions, counts what they assert and reports.  An assertion that fails is recorded with
  -- the script's line and the test goes on.
  --
  -- Returns: a torch.Tester
  -- From: Torch7
  -- Example:
  --   tester, suite = torch.Tester(), torch.TestSuite()
  --   function suite.addition() tester:eq(1 + 1, 2) end
  --   tester:add(suite)
  --   -- tester:run()
  function Tester:__init()
    self.errors, self.warnings, self.tests, self.disabledTests = {}, {}, {}, {}
    self._order, self._warningCount, self._currentTestName = {}, {}, ""
    self.assertionPass, self.assertionFail, self.testError = {}, {}, {}
    -- As in Torch7, assertTensorEq takes {{1}} and {1} for equal, with a warning.
    self._assertTensorEqIgnoresDims = true
  end

  --- tester:setEarlyAbort(on); tester:setRethrowErrors(on); tester:setSummaryOnly(on)
  --
  -- With true: a run stops at the first test that fails; errors and failures leave tester:run at once,
  -- with their traceback; the report has no messages, only counts.
  --
  -- on: true or false
  -- From: Torch7
  -- Example:
  --   torch.Tester():setEarlyAbort(true)
  function Tester:setEarlyAbort(on) self.earlyAbort = on end

  function Tester:setRethrowErrors(on) self.rethrow = on end

  function Tester:setSummaryOnly(on) self.summaryOnly = on end

  -- ---- what assertions record -----------------------------------------------------------------------

  function Tester:_success()
    local name = self._currentTestName
    self.assertionPass[name] = (self.assertionPass[name] or 0) + 1
    return true
  end

  function Tester:_addDebugInfo(message)
    local name, where = self._currentTestName, caller.position()
    return (name ~= "" and name .. "\n" or "") .. message .. (where ~= "" and "\n  at " .. where or "")
  end

  function Tester:_failure(message)
    if self.rethrow then raise("%s", message) end
    local name = self._currentTestName
    self.assertionFail[name] = (self.assertionFail[name] or 0) + 1
    self.errors[#self.errors + 1] = self:_addDebugInfo(message)
    return false
  end

  function Tester:_warning(message)
    local name = self._currentTestName
    self._warningCount[name] = (self._warningCount[name] or 0) + 1
    self.warnings[#self.warnings + 1] = self:_addDebugInfo(message)
  end

  function Tester:_assert_sub(condition, message)
    if condition then return self:_success() end
    return self:_failure(message)
  end

  -- The one message that most assertions take.
  local function only_message(...)
    local message = ...
    if select("#", ...) > 1 then
      raise("Unexpected arguments to a test function")
    end
    if message == nil then return "" end
    if type(message) ~= "string" then raise("the message must be a string") end
    return message ~= "" and message .. "\n" or ""
  end

  -- A tolerance and a message, in either order.
  local function tolerance_and_message(default, ...)
    local tolerance, message
    for i = 1, select("#", ...) do
      local value = select(i, ...)
      if type(value) == "string" and not message then
        message = value .. "\n"
      elseif type(value) == "number" and not tolerance then
        tolerance = value
      elseif value ~= nil then
        raise("a tolerance and a message expected, got another %s", type(value))
      end
    end
    if tolerance and tolerance < 0 then raise("the tolerance is negative") end
    return tolerance or default, message or ""
  end

  -- ---- assertions -----------------------------------------------------------------------------------

  --- tester:assert(condition [, message])
  --
  -- That a condition is true.  Other values but false and nil pass with a warning.
  --
  -- condition: true or false
  -- message: string for the report
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   torch.Tester():assert(1 < 2) --> true
  function Tester:assert(condition, ...)
    local message = only_message(...)
    if type(condition) ~= "boolean" then
      self:_warning(":assert should only be used for boolean conditions; "
        .. "for 'is not nil' write assert(x ~= nil)")
    end
    return self:_assert_sub(condition, ("%sBOOL violation condition=%s"):format(message,
      tostring(condition)))
  end

  function Tester:_eqOrNeq(got, expected, negate, ...)
    local tolerance, message = tolerance_and_message(0, ...)
    local ok, why = compare.any(got, expected, tolerance, negate)
    return self:_assert_sub(ok, message .. (why or ""))
  end

  --- tester:eq(got, expected [, tolerance] [, message])
  -- tester:ne(got, unexpected [, tolerance] [, message])
  -- tester:assertGeneralEq(got, expected [, tolerance] [, message])
  -- tester:assertGeneralNe(got, unexpected [, tolerance] [, message])
  --
  -- That two values are equal, or differ: numbers, tables, tensors and storages through all their
  -- elements.
  --
  -- got, expected, unexpected: any values
  -- tolerance: number: the largest difference that counts as equal, 0 by default
  -- message: string for the report
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   torch.Tester():eq({ 1, torch.ones(2) }, { 1, torch.ones(2) }) --> true
  --   torch.Tester():eq(1, 1.5, 0.1) --> false
  function Tester:assertGeneralEq(got, expected, ...)
    return self:_eqOrNeq(got, expected, false, ...)
  end

  function Tester:assertGeneralNe(got, unexpected, ...)
    return self:_eqOrNeq(got, unexpected, true, ...)
  end

  Tester.eq, Tester.ne = Tester.assertGeneralEq, Tester.assertGeneralNe

  --- tester:assertlt(a, b [, message]); tester:assertgt(a, b [, message])
  -- tester:assertle(a, b [, message]); tester:assertge(a, b [, message])
  -- tester:asserteq(a, b [, message]); tester:assertne(a, b [, message])
  -- tester:assertalmosteq(a, b [, tolerance] [, message])
  --
  -- That a is less than b, greater, less or equal, greater or equal, equal, not equal, or different by no
  -- more than a tolerance.
  --
  -- a, b: values that can be compared
  -- tolerance: number, 1e-16 by default
  -- message: string for the report
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   torch.Tester():assertlt(1, 2), torch.Tester():assertalmosteq(1, 1.5, 1) --> true true
  local orders = {
    assertlt = { "LT", ">=", function(a, b) return a < b end },
    assertgt = { "GT", "<=", function(a, b) return a > b end },
    assertle = { "LE", ">", function(a, b) return a <= b end },
    assertge = { "GE", "<", function(a, b) return a >= b end },
    asserteq = { "EQ", "~=", function(a, b) return a == b end },
  }

  for name, order in pairs(orders) do
    Tester[name] = function(self, a, b, ...)
      local message = only_message(...)
      return self:_assert_sub(order[3](a, b), ("%s%s failed: %s %s %s"):format(message, order[1],
        tostring(a), order[2], tostring(b)))
    end
  end

  function Tester:assertne(a, b, ...)
    local message = only_message(...)
    if type(a) == type(b) and (type(a) == "table" or type(a) == "userdata") then
      self:_warning(":assertne should only be used to compare basic values; "
        .. "use :ne for tables and tensors")
    end
    return self:_assert_sub(a ~= b, ("%sNE failed: %s == %s"):format(message, tostring(a), tostring(b)))
  end

  function Tester:assertalmosteq(a, b, ...)
    local tolerance, message = tolerance_and_message(1e-16, ...)
    return self:_assert_sub(math.abs(a - b) <= tolerance,
      ("%sALMOST_EQ failed: %s ~= %s with tolerance=%s"):format(message, a, b, tolerance))
  end

  function Tester:_assertTensorEqOrNeq(a, b, negate, ...)
    if not torch.isTensor(a) then raise("First argument should be a Tensor, got %s", torch.type(a)) end
    if not torch.isTensor(b) then raise("Second argument should be a Tensor, got %s", torch.type(b)) end
    local tolerance, message = tolerance_and_message(0, ...)
    local loose = self._assertTensorEqIgnoresDims
    local ok, why = compare.tensors(a, b, tolerance, negate, loose)
    if loose and ok and not negate and not a:isSameSizeAs(b) then
      self:_warning("Tensors have the same content but different dimensions; :eq tells them apart")
    end
    return self:_assert_sub(ok, message .. (why or ""))
  end

  --- tester:assertTensorEq(a, b [, tolerance] [, message])
  -- tester:assertTensorNe(a, b [, tolerance] [, message])
  -- tester:assertTableEq(a, b [, tolerance] [, message])
  -- tester:assertTableNe(a, b [, tolerance] [, message])
  --
  -- What tester:eq and tester:ne do, only for tensors or tables.  Tensors of different shapes whose
  -- elements are equal pass with a warning.
  --
  -- a, b: two tensors, or two tables
  -- tolerance: number, 0 by default
  -- message: string for the report
  -- Returns: true or false
  -- Errors: a or b is something else
  -- From: Torch7
  -- Example:
  --   torch.Tester():assertTensorEq(torch.ones(2), torch.ones(2)) --> true
  function Tester:assertTensorEq(a, b, ...)
    return self:_assertTensorEqOrNeq(a, b, false, ...)
  end

  function Tester:assertTensorNe(a, b, ...)
    return self:_assertTensorEqOrNeq(a, b, true, ...)
  end

  function Tester:_assertTableEqOrNeq(a, b, negate, ...)
    if type(a) ~= "table" then raise("First argument should be a Table, got %s", torch.type(a)) end
    if type(b) ~= "table" then raise("Second argument should be a Table, got %s", torch.type(b)) end
    return self:_eqOrNeq(a, b, negate, ...)
  end

  function Tester:assertTableEq(a, b, ...)
    return self:_assertTableEqOrNeq(a, b, false, ...)
  end

  function Tester:assertTableNe(a, b, ...)
    return self:_assertTableEqOrNeq(a, b, true, ...)
  end

  --- tester:assertError(f [, message]); tester:assertNoError(f [, message])
  -- tester:assertErrorMsg(f, expected [, message]); tester:assertErrorPattern(f, pattern [, message])
  -- tester:assertErrorObj(f, fits [, message])
  --
  -- That f() raises an error, or none; one that is exactly the expected one, whose text contains a match
  -- of the pattern, or for which fits(error) is true.
  --
  -- f: function
  -- expected: any value
  -- pattern: string, as for string.find
  -- fits: function
  -- message: string for the report
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   torch.Tester():assertErrorPattern(function() error("out of ink") end, "ink") --> true
  function Tester:assertErrorObj(f, fits, ...)
    local message = only_message(...)
    local ok, err = pcall(f)
    return self:_assert_sub(not ok and fits(err), ("%sERROR violation: err=%s"):format(message,
      ok and "none" or tostring(err)))
  end

  function Tester:assertError(f, ...)
    return self:assertErrorObj(f, function() return true end, ...)
  end

  function Tester:assertNoError(f, ...)
    local message = only_message(...)
    local ok, err = pcall(f)
    return self:_assert_sub(ok, ("%sERROR violation: err=%s"):format(message, tostring(err)))
  end

  function Tester:assertErrorMsg(f, expected, ...)
    return self:assertErrorObj(f, function(err) return err == expected end, ...)
  end

  function Tester:assertErrorPattern(f, pattern, ...)
    return self:assertErrorObj(f, function(err) return tostring(err):find(pattern) ~= nil end, ...)
  end

  -- ---- the tests ------------------------------------------------------------------------------------

  local function add_one(self, f, name)
    local slot = (name == "_setUp" or name == "_tearDown") and name
    if slot then
      if rawget(self, slot) then raise("Only one %s function allowed", slot) end
      rawset(self, slot, f)
      return
    end
    name = name or "unknown"
    if self.tests[name] ~= nil then raise("Test with name %s already exists!", tostring(name)) end
    self.tests[name] = f
    self._order[#self._order + 1] = name
  end

  local function sorted_names(list)
    local names = {}
    for name in pairs(list) do names[#names + 1] = name end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    return names
  end

  --- tester:add(f [, name]); tester:disable(names)
  --
  -- Adds a test, or a torch.TestSuite of them; leaves out one or some.  Functions named _setUp and
  -- _tearDown run before and after each test.
  --
  -- f: function, or torch.TestSuite
  -- name: string: the name of a function
  -- names: string, or table of them
  -- Returns: the tester
  -- Errors: a name comes twice; disable: there is no such test
  -- From: Torch7
  -- Example:
  --   tester = torch.Tester():add(function() end, "nothing"):disable("nothing")
  function Tester:add(f, name)
    if type(f) == "function" then
      add_one(self, f, name)
      return self
    end
    if type(f) ~= "table" then raise("Only tables of functions and functions can be added") end
    if name ~= nil then raise("A table of tests takes no name") end
    local tests, names = f, nil
    if f.__isTestSuite then
      tests, names = f.__tests, f.__order
    else
      self:_warning("Should use TestSuite rather than plain lua table")
    end
    for _, key in ipairs(names or sorted_names(f)) do
      local test = tests[key]
      if type(test) == "table" then raise("Nested sets of tests are not supported") end
      if type(test) ~= "function" then raise("Test %s is no function", tostring(key)) end
      add_one(self, test, key)
    end
    return self
  end

  function Tester:disable(names)
    for _, name in ipairs(type(names) == "table" and names or { names }) do
      if not self.tests[name] then raise("Unrecognized test '%s'", tostring(name)) end
      self.disabledTests[name] = true
    end
    return self
  end

  -- The names to run, in order: all, or those that match a pattern or one of a list.
  function Tester:_getTests(patterns)
    if patterns == nil then return self._order end
    local chosen, names = {}, {}
    for _, pattern in ipairs(type(patterns) == "table" and patterns or { patterns }) do
      local found = false
      for _, name in ipairs(self._order) do
        if tostring(name):match(pattern) then
          found = true
          chosen[name] = true
        end
      end
      if not found then raise("Couldn't find test '%s'", pattern) end
    end
    for _, name in ipairs(self._order) do
      if chosen[name] then names[#names + 1] = name end
    end
    return names
  end

  -- ---- running --------------------------------------------------------------------------------------

  -- An error's text with its traceback, up to where we called the test.
  local function trace(err)
    local text = debug.traceback(tostring(err), 2)
    return (text:gsub("\n[^\n]*lib/torch/Tester%.lua:.*$", ""))
  end

  function Tester:_pcall(f)
    local before = #self.errors
    local ok, result = xpcall(f, trace)
    if not ok then
      self.errors[#self.errors + 1] = ("%s\n Function call failed\n%s\n"):format(self._currentTestName,
        tostring(result))
    end
    return ok, result, ok and #self.errors == before
  end

  -- Runs one test with its set-up and tear-down; returns "pass", "fail", "error" or "skip".
  local function run_one(self, name)
    if self.disabledTests[name] then return "skip" end
    local f, before = self.tests[name], #self.errors
    local set_up, tear_down = rawget(self, "_setUp"), rawget(self, "_tearDown")
    if self.rethrow then
      if set_up then set_up(name) end
      f()
      if tear_down then tear_down(name) end
      return #self.errors == before and "pass" or "fail"
    end
    local ok, _, pass = self:_pcall(function()
      if set_up then set_up(name) end
      f()
    end)
    if tear_down then
      local ended = self:_pcall(function() tear_down(name) end)
      ok, pass = ok and ended, pass and ended
    end
    if not ok then return "error" end
    return pass and "pass" or "fail"
  end

  function Tester:_run(names)
    local live = terminal.isatty()
    local digits = #tostring(#names)
    local count = ("%%%dd/%d "):format(digits, #names)
    io.write("Running " .. count_text(#names, "test") .. "\n")
    for i, name in ipairs(names) do
      self._currentTestName = name
      local head = colour(count:format(i), "wait") .. name .. " "
        .. ("."):rep(WIDTH - 9 - 2 * digits - #tostring(name)) .. " "
      if live then io.write(head .. "[" .. colour("WAIT", "wait") .. "]") io.flush() end
      local result = run_one(self, name)
      if result == "error" then self.testError[name] = 1 end
      local warned = self._warningCount[name] > 0 and " +warning" or ""
      io.write((live and "\r" or "") .. head .. "[" .. colour(result:upper(), result) .. "]" .. warned
        .. "\n")
      io.flush()
      if self.earlyAbort and i < #names and (result == "fail" or result == "error") then
        io.write("Aborting on first error, not all tests have been executed\n")
        break
      end
    end
    self._currentTestName = ""
  end

  local function tally(self, names)
    local n = { asserts = 0, failures = 0, errors = 0, skipped = 0, bad = 0,
      warnings = self._warningCount[""] or 0 }
    for _, name in ipairs(names) do
      local fails, broke = self.assertionFail[name], self.testError[name]
      n.asserts = n.asserts + fails + self.assertionPass[name]
      if fails > 0 then n.failures = n.failures + 1 end
      if broke > 0 then n.errors = n.errors + 1 end
      if fails > 0 or broke > 0 then n.bad = n.bad + 1 end
      if self._warningCount[name] > 0 then n.warnings = n.warnings + 1 end
      if self.disabledTests[name] then n.skipped = n.skipped + 1 end
    end
    return n
  end

  function Tester:_report(names)
    local n = tally(self, names)
    self.countasserts = n.asserts
    if not self.summaryOnly then
      local rule = ("-"):rep(WIDTH) .. "\n"
      for _, list in ipairs { self.errors, self.warnings } do
        for _, text in ipairs(list) do io.write(rule .. text .. "\n") end
      end
      if #self.errors + #self.warnings > 0 then io.write(rule) end
    end
    local parts = { ("Completed %s in %s with %s and %s"):format(count_text(n.asserts, "assert"),
      count_text(#names, "test"),
      colour(count_text(n.failures, "failure"), n.failures == 0 and "pass" or "fail"),
      colour(count_text(n.errors, "error"), n.errors == 0 and "pass" or "error")) }
    if n.warnings > 0 then parts[#parts + 1] = colour(count_text(n.warnings, "warning"), "skip") end
    if n.skipped > 0 then parts[#parts + 1] = colour(n.skipped .. " disabled", "skip") end
    io.write(table.concat(parts, " and ") .. "\n")
    io.write(("%d passed, %d failed\n"):format(#names - n.bad - n.skipped, n.bad))
    io.flush()
    return n.bad
  end

  --- tester:run([patterns])
  --
  -- Runs the tests and prints the report.
  --
  -- patterns: string that the names match, or a table of them; all tests by default
  -- Errors: a test failed; no name matches
  -- From: Torch7
  -- Example:
  --   pcall(torch.Tester().run, torch.Tester(), "nowhere") == false --> true
  function Tester:run(patterns)
    local names = self:_getTests(patterns)
    for _, name in ipairs(names) do
      self.assertionPass[name], self.assertionFail[name], self.testError[name] = 0, 0, 0
      self._warningCount[name] = 0
    end
    self:_run(names)
    if self:_report(names) > 0 then raise("An error was found while running tests!") end
    return 0
  end
end
