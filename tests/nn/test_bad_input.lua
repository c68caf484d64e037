-- test_bad_input: every class is made with wrong arguments and given wrong inputs.  What comes of it is a
-- result or an error that says what is wrong: none that Lua raises about the code of nn.
local torch = require "torch"
local nn = require "nn"
local paths = require "paths"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- What Lua says about code; and "bad argument #2 to 'x'" unless it says that it wanted a tensor.
local raw = { "attempt to ", "number has no integer", "stack overflow", "'for' ", "invalid value %(",
  "invalid option '%%", "bad argument #%d+ to 'format'", "bad argument #%d+ to 'for iterator'",
  "number expected, got", "table expected, got", "string expected, got" }

local errors = 0

-- The message of an error, where it is such a one.
local function complaint(f, ...)
  debug.sethook(function() error("attempt to run for ever", 0) end, "", 5e7)
  local ok, why = pcall(f, ...)
  debug.sethook()
  if ok then return nil end
  errors = errors + 1
  for _, pattern in ipairs(raw) do
    if tostring(why):find(pattern) then return tostring(why) end
  end
end

-- Says each place in the code once a class.
local said = {}
local function expect(what, f, ...)
  local why = complaint(f, ...)
  local place = why and what:match "^[%w.]+" .. why:gsub("got .*", ""):gsub("0x%x+", "")
  if why and not said[place] then
    said[place] = true
    tester:assert(false, ("%s: %s"):format(what, why))
  end
end

local function text(v)
  if torch.isTensor(v) then return ("%s of %s"):format(v:type(), table.concat(v.shape, "x")) end
  return type(v) == "table" and "a table of " .. #v or tostring(v)
end

-- The classes with the arguments of the first time that a case makes one; and the cases by class.
local given, cases = {}, {}

local function names()
  local list = {}
  for name in pairs(torch._metatables) do
    if name:find "^nn%." and nn[name:sub(4)] and not name:find "^nn%.Test" then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

local function watch_constructors()
  for _ in pairs(nn) do end -- loads all
  local depth = 0
  for _, name in ipairs(names()) do
    local class = torch._metatables[name]
    local init = rawget(class, "__init")
    if init then
      function class.__init(self, ...)
        if depth == 0 and torch.typename(self) == name then given[name] = given[name] or table.pack(...) end
        depth = depth + 1
        local ok, why = pcall(init, self, ...)
        depth = depth - 1
        if not ok then error(why, 0) end
      end
    end
  end
end

local function read_cases()
  for file in paths.iterfiles "tests/nn/cases" do
    for _, case in ipairs(file:find "%.lua$" and dofile("tests/nn/cases/" .. file) or {}) do
      local make = case.make or case[2]
      if type(make) == "function" then
        local x = case.input or case[3]
        x = type(x) == "function" and x() or type(x) == "table" and torch.randn(table.unpack(x)):double() or x
        local name = torch.typename(make())
        cases[name] = cases[name] or { make = make, input = x }
      end
    end
  end
end

watch_constructors()
read_cases()

local function ones(...) return torch.ones(...):double() end

local bad_arguments = { "x", -1, 0, 0.5, 0 / 0, 1e300, true, false, {}, { "x" }, { 1, 2, 3, 4, 5, 6, 7 },
  { x = 1 }, function() end, torch.zeros(2, 3), torch.zeros(0), torch.scalar(2, "float64") }

-- Calls f with the arguments, one of them replaced by a bad one, or missing.
local function with_bad(args, f)
  for at = 1, math.min(args.n + 2, 8) do
    local changed = table.pack(table.unpack(args, 1, args.n))
    changed.n = math.max(args.n, at)
    for i = 0, #bad_arguments do
      changed[at] = bad_arguments[i]
      f(("argument %d is %s"):format(at, text(changed[at])), table.unpack(changed, 1, changed.n))
    end
    local options = args[at]
    if type(options) == "table" and not torch.typename(options) then
      for key in pairs(options) do
        for _, bad in ipairs(bad_arguments) do
          changed[at] = {}
          for k, v in pairs(options) do changed[at][k] = v end
          changed[at][key] = bad
          f(("%s is %s"):format(key, text(bad)), table.unpack(changed, 1, changed.n))
        end
      end
    end
  end
end

function tests.arguments()
  errors = 0
  torch.setmemorylimit(2 ^ 30)
  for _, name in ipairs(names()) do
    local make = nn[name:sub(4)]
    local function try(what, ...) expect(("%s: %s"):format(name, what), make, ...) end
    try("no arguments")
    with_bad(given[name] or { n = 0 }, try)
  end
  torch.setmemorylimit(0)
  tester:assertgt(errors, 5000, "errors")
end

local bad_inputs = { "x", 3, true, {}, function() end, { 1, 2 }, { "x" }, torch.zeros(0),
  torch.scalar(1, "float64"), { ones(2, 3) }, { ones(2, 3), ones(2, 3) }, { ones(2, 3), ones(3, 2) },
  { ones(2, 3), 4 }, { ones(2, 3):long(), ones(2, 3) }, { { ones(2, 3) }, ones(2, 3), ones(2, 3) } }
for _, shape in ipairs { { 1 }, { 3 }, { 2, 3 }, { 7, 7 }, { 0, 3 }, { 2, 0 }, { 2, 3, 4 }, { 2, 0, 4 },
  { 0, 3, 4 }, { 2, 3, 4, 5 }, { 2, 3, 0, 5 }, { 0, 3, 4, 5 }, { 2, 3, 4, 5, 6 },
  { 0, 2, 3, 4, 5 }, { 1, 2, 3, 4, 5, 6 } } do
  bad_inputs[#bad_inputs + 1] = ones(table.unpack(shape))
end

-- The inputs above, and those that are near to a right one.
local function inputs_for(right)
  local list = { table.unpack(bad_inputs) }
  if torch.isTensor(right) then
    for _, dtype in ipairs { "int64", "uint8", "bool", "float32" } do list[#list + 1] = right:type(dtype) end
    list[#list + 1] = right * (0 / 0)
    for d = 1, right:dim() do
      list[#list + 1] = right:narrow(d, 1, 0)
      list[#list + 1] = torch.cat(right, right, d)
    end
  elseif type(right) == "table" then
    for i = 1, #right do
      for _, bad in ipairs(bad_inputs) do
        local changed = { table.unpack(right) }
        changed[i] = bad
        list[#list + 1] = changed
      end
    end
  end
  return list
end

function tests.inputs()
  errors = 0
  for _, name in ipairs(names()) do
    local case = cases[name]
    for _, input in ipairs(case and inputs_for(case.input) or {}) do
      local m, what = case.make():double(), ("%s: input %s"):format(name, text(input))
      expect(what, function()
        local y = m:forward(input)
        if torch.isTensor(y) then m:backward(input, y) end
      end)
      expect(what .. ", on the tape", m, input)
    end
    if case then
      expect(name .. ": no input", function() case.make()() end)
      expect(name .. ": forward of nothing", function() case.make():forward() end)
      expect(name .. ": backward of nothing", function() return case.make():double():backward(case.input) end)
      expect(name .. ": backward of other sizes", function()
        return case.make():double():backward(case.input, ones(9))
      end)
    end
  end
  tester:assertgt(errors, 5000, "errors")
end

function tests.criterions()
  errors = 0
  local targets = { table.unpack(bad_inputs) }
  targets[#targets + 1] = torch.LongTensor { 1, 9 }
  targets[#targets + 1] = ones(2, 3):bool()
  for _, name in ipairs(names()) do
    local ok, criterion = pcall(nn[name:sub(4)])
    if ok and torch.isTypeOf(criterion, "nn.Criterion") then
      for _, input in ipairs(bad_inputs) do
        for i = 0, #targets do
          local target = targets[i]
          local what = ("%s: input %s, target %s"):format(name, text(input), text(target))
          expect(what, function()
            criterion:forward(input, target)
            criterion:backward(input, target)
          end)
        end
      end
    end
  end
  tester:assertgt(errors, 5000, "errors")
end

tester:add(tests):run()
