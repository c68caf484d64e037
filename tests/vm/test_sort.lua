-- table.sort and string.rep, which are Cresset's own.

local tester = torch.Tester()
local tests = torch.TestSuite()

local makers = {
  integer = function() return math.random(-50, 50) end,
  large = function() return math.random(0) end,
  float = function() return math.random(-50, 50) / 4 end,
  special = function()
    return ({ 0.0, -0.0, math.huge, -math.huge, 1e308, 5e-324, -5e-324 })[math.random(7)]
  end,
  mixed = function() return math.random(2) == 1 and math.random(-50, 50) or math.random(-200, 200) / 4 end,
  wide = function()
    return ({ math.maxinteger, 2.0 ^ 63, math.mininteger, -2.0 ^ 63, 2 ^ 53 | 0, 2.0 ^ 53 })[math.random(6)]
  end,
  string = function() return tostring(math.random(100)) end,
  zeros = function() return ("a\0b\0c"):sub(1, math.random(5)) .. math.random(3) end,
}

local function before(a, b) return a < b end
local function after(a, b) return a > b end

local function check(name, n, order)
  local t, count = {}, {}
  for i = 1, n do
    t[i] = makers[name]()
    local key = math.type(t[i]) == "float" and ("%a"):format(t[i]) or t[i]
    count[key] = (count[key] or 0) + 1
  end
  table.sort(t, order)
  local right = #t == n
  for i = 2, n do
    if (order or before)(t[i], t[i - 1]) then right = false end
  end
  for i = 1, n do
    local key = math.type(t[i]) == "float" and ("%a"):format(t[i]) or t[i]
    count[key] = (count[key] or 0) - 1
  end
  for _, left in pairs(count) do right = right and left == 0 end
  tester:assert(right, ("%d of %s"):format(n, name))
end

function tests.values()
  for name in pairs(makers) do
    for _, order in ipairs { false, before, after } do
      for n = 0, 40 do check(name, n, order or nil) end
      for _ = 1, 3 do check(name, math.random(41, 1000), order or nil) end
    end
    for _, n in ipairs { 32767, 32768, 32769, 65536, 100001 } do check(name, n) end
  end
  check("string", 70000, after)
end

function tests.equalValuesStayInOrder()
  for _, n in ipairs { 5, 50, 5000, 80000 } do
    local t, right = {}, true
    for i = 1, n do t[i] = { key = math.random(10), place = i } end
    table.sort(t, function(a, b) return a.key < b.key end)
    for i = 2, n do
      local a, b = t[i - 1], t[i]
      right = right and (a.key < b.key or a.key == b.key and a.place < b.place)
    end
    tester:assert(right, n .. " places")
  end
end

function tests.otherTables()
  local t = { 3, 0 / 0, 1, 2.5 } -- NaN is neither before nor after anything
  table.sort(t)
  tester:eq(#t, 4)
  local data = { 5, 3, 4, 1, 2 }
  local proxy = setmetatable({}, { __index = data, __len = function() return #data end,
    __newindex = function(_, k, v) data[k] = v end })
  table.sort(proxy)
  tester:eq(data, { 1, 2, 3, 4, 5 })
  local meta = { __lt = function(a, b) return a.x < b.x end }
  local objects = {}
  for i = 1, 100 do objects[i] = setmetatable({ x = math.random(1000) }, meta) end
  table.sort(objects)
  for i = 2, 100 do tester:assert(objects[i - 1].x <= objects[i].x) end
end

function tests.comparatorsThatLie()
  for n = 1, 100 do
    local t = {}
    for i = 1, n do t[i] = i end
    table.sort(t, function() return true end)
    table.sort(t, function() return math.random(2) == 1 end)
    table.sort(t, before)
    for i = 1, n do tester:assert(t[i] == i) end
  end
end

local function fails(message, ...)
  local ok, e = pcall(...)
  tester:assert(not ok and tostring(e):find(message, 1, true) ~= nil, tostring(e))
end

function tests.errors()
  fails("bad argument #1 to 'table.sort' (table expected, got no value)", table.sort)
  fails("bad argument #1 to 'table.sort' (table expected, got number)", table.sort, 1)
  fails("bad argument #2 to 'table.sort' (function expected, got table)", table.sort, { 2, 1 }, {})
  local vast = setmetatable({}, { __len = function() return 2 ^ 31 | 0 end })
  fails("array too big", table.sort, vast)
  local odd = setmetatable({}, { __len = function() return "x" end })
  fails("object length is not an integer", table.sort, odd)
  fails("attempt to compare", table.sort, { 1, "x" })
  fails("attempt to compare two table values", table.sort, { {}, {} })
  local empty = setmetatable({}, { __len = function() return 2 end })
  fails("attempt to compare two nil values", table.sort, empty)
  local t = { 3, 2, 1 }
  fails("no order", table.sort, t, function() error("no order") end)
  tester:eq(t, { 3, 2, 1 })
  local co = coroutine.wrap(function() table.sort(t, coroutine.yield) end)
  fails("attempt to yield across a C-call boundary", co)
end

function tests.rep()
  tester:eq(("ab"):rep(3), "ababab")
  tester:eq(("ab"):rep(3, ","), "ab,ab,ab")
  tester:eq((""):rep(3, ","), ",,")
  tester:eq(("x"):rep(0), "")
  tester:eq(("x"):rep(-1, "y"), "")
  tester:eq((""):rep(math.maxinteger), "")
  tester:assert(("xyz"):rep(1000000, "ab") == ("xyzab"):rep(1000000):sub(1, -3))
  fails("resulting string too large", string.rep, "xy", math.maxinteger)
  fails("bad argument #2 to 'string.rep' (number expected, got no value)", string.rep, "x")
end

tester:add(tests)
tester:run()
