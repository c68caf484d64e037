-- test_index: x[..] and x[..] = v in all their forms, and what their errors say.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function x34() return torch.range(1, 12):view(3, 4) end
local function cube() return torch.range(1, 24):view(2, 3, 4) end

local function eq(got, wanted)
  if torch.isTensor(got) then got = got:totable() end
  tester:eq(got, wanted)
end

-- That f fails with a message of the pattern, at a line of this file.
local function fails(f, pattern)
  local ok, why = pcall(f)
  tester:eq(ok, false, pattern)
  why = tostring(why)
  tester:assert(why:find(pattern) ~= nil, ("'%s' does not match '%s'"):format(why, pattern))
  tester:assert(why:find("test_index.lua:%d+:") ~= nil, "no line in: " .. why)
end

-- ---- reading ----------------------------------------------------------------

function tests.by_a_number()
  eq(torch.Tensor { 5, 6, 7 }[2], 6)
  eq(torch.Tensor { 5, 6, 7 }[-1], 7)
  eq(torch.Tensor { 5, 6, 7 }[2.0], 6)
  eq(torch.Tensor { 5, 6, 7 }[torch.scalar(2, "int64")], 6)
  eq(x34()[2], { 5, 6, 7, 8 })
  eq(x34()[-1][-1], 12)
  eq(x34():t()[2][3], 10)
  eq(torch.BoolTensor { true, false }[2], false)
  tester:eq(math.type(torch.LongTensor { 3 }[1]), "integer")
  tester:eq(math.type(torch.DoubleTensor { 3 }[1]), "float")
  local x = x34()
  x[2]:zero()
  eq(x[2][3], 0)
end

function tests.by_a_region()
  eq(x34()[{ 2, 3 }], 7)
  eq(x34()[{ 2 }], { 5, 6, 7, 8 })
  eq(x34()[{ {}, 2 }], { 2, 6, 10 })
  eq(x34()[{ { 2, 3 }, { 1, 2 } }], { { 5, 6 }, { 9, 10 } })
  eq(x34()[{ { 2 }, {} }], { { 5, 6, 7, 8 } })
  eq(x34()[{ { -2, -1 }, 1 }], { 5, 9 })
  eq(x34()[{ {}, { 1, 4, 3 } }], { { 1, 4 }, { 5, 8 }, { 9, 12 } })
  eq(x34()[{ {}, { 1, 3, 2 } }], { { 1, 3 }, { 5, 7 }, { 9, 11 } })
  eq(x34()[{}], x34():totable())
  eq(cube()[{ 2, {}, 4 }], { 16, 20, 24 })
  eq(cube()[{ 1, { 2 } }], { { 5, 6, 7, 8 } })
  eq(cube()[{ 1, 2, 3 }], 7)
  local x = x34()
  x[{ { 1, 2 }, { 3, 4 } }]:fill(0)
  eq(x[2], { 5, 6, 0, 0 })
end

function tests.by_a_mask()
  local x = x34()
  eq(x[torch.gt(x, 9)], { 10, 11, 12 })
  eq(x[torch.gt(x, 9):byte()], { 10, 11, 12 })
  eq(x[torch.gt(x, 99)], {})
  eq(x:t()[torch.gt(x:t(), 9)], { 10, 11, 12 })
  eq(torch.Tensor { 1, 2, 3 }[torch.BoolTensor { true, false, true }], { 1, 3 })
  fails(function() return x[torch.BoolTensor { true, false }] end, "maskedSelect")
end

function tests.by_places()
  local x = x34()
  eq(x[torch.LongTensor { 3, 1 }], { { 9, 10, 11, 12 }, { 1, 2, 3, 4 } })
  eq(x[{ {}, torch.LongTensor { 4, 4 } }], { { 4, 4 }, { 8, 8 }, { 12, 12 } })
  eq(x[{ { 2, 3 }, torch.IntTensor { 1 } }], { { 5 }, { 9 } })
  eq(x[{ 2, torch.LongTensor { 1, 3 } }], { 5, 7 })
  eq(x[torch.LongStorage { 2, 3 }], 7)
  local part = x[torch.LongTensor { 1 }]
  part:zero()
  eq(x[1][1], 1)
  fails(function() return x[torch.LongTensor { 4 }] end, "4")
  fails(function() return x[torch.FloatTensor { 1 }] end, "integer")
  fails(function() return x[torch.LongStorage { 1 }] end, "2 numbers")
end

function tests.get()
  eq(x34():get(2, 3), 7)
  eq(x34():get(-1, -1), 12)
  fails(function() return x34():get(2) end, "2 dimensions")
  fails(function() return x34():get(2, 5) end, "outside dimension 2")
end

-- ---- several dimensions at once ----------------------------------------------------------------

local long = torch.LongTensor

function tests.by_several_places()
  local x = cube()
  eq(x[{ long { 1, 2 }, long { 3, 1 }, long { 4, 4 } }], { 12, 16 })
  eq(x[{ long { 1, 2 }, long { 3, 1 } }], { { 9, 10, 11, 12 }, { 13, 14, 15, 16 } })
  eq(x[{ long { { 1 }, { 2 } }, long { 3, 1 }, 1 }], { { 9, 1 }, { 21, 13 } })
  eq(x[{ {}, long { 1, 3 }, long { 2, -1 } }], { { 2, 12 }, { 14, 24 } })
  eq(x[{ long { 1, 2 }, {}, long { 2, -1 } }], { { 2, 6, 10 }, { 16, 20, 24 } }) -- the places go first
  eq(x[{ long { 1, 2 }, { 2, 3 }, long { 2, -1 } }], { { 6, 10 }, { 20, 24 } })
  eq(x[{ "...", long { 1, -1 } }][2], { { 13, 16 }, { 17, 20 }, { 21, 24 } })
  eq(x[{ 2, "...", 1 }], { 13, 17, 21 })
  eq(x[{ "..." }], cube():totable())
  eq(x34()[long { { 1, -1 }, { 2, 2 } }].shape, { 2, 2, 4 })
  eq(x34()[long { -1, -3 }], { { 9, 10, 11, 12 }, { 1, 2, 3, 4 } })
  eq(x34():t()[{ long { 4, 1 }, torch.IntTensor { 2, 3 } }], { 8, 9 })
  eq(x34()[{ torch.scalar(2, "int64"), long { 1, 2 } }], { 5, 6 })
end

function tests.by_masks_of_some_dimensions()
  local x = cube()
  eq(x[torch.BoolTensor { false, true }], { x[2]:totable() })
  eq(x[torch.gt(x:select(3, 1), 12)].shape, { 3, 4 })
  eq(x[{ {}, torch.BoolTensor { true, false, true }, 1 }], { { 1, 9 }, { 13, 21 } })
  eq(x[{ long { 2, 1 }, torch.BoolTensor { true, false, true } }], { { 13, 14, 15, 16 }, { 9, 10, 11, 12 } })
  eq(x[{ 1, torch.gt(x[1], 10) }], { 11, 12 })
  fails(function() return x[{ torch.BoolTensor { true } }] end, "a mask of shape 1 from dimension 1 on")
  fails(function() return x[{ 1, 1, torch.gt(x, 0) }] end, "5 indices for a tensor of 3")
end

function tests.assigning_to_several_places()
  local x = torch.zeros(2, 3, 4)
  x[{ long { 1, 2 }, long { 3, 1 }, long { 4, -4 } }] = torch.Tensor { 5, 6 }
  tester:eq(x[1][3][4], 5)
  tester:eq(x[2][1][1], 6)
  tester:eq(x:sum(), 11)
  x[{ long { 1, 2 }, {}, 2 }] = torch.Tensor { 1, 2, 3 }
  eq(x[{ 2, {}, 2 }], { 1, 2, 3 })
  x[{ "...", 3 }] = 9
  tester:eq(x:select(3, 3):sum(), 54)
  x:zero()
  x[{ torch.BoolTensor { false, true }, 1 }] = 7
  tester:eq(x:sum(), 28)
  x[torch.BoolTensor { false, true }] = torch.ones(3, 4)
  tester:eq(x:sum(), 12)
  x[long { { 1, 2 }, { 2, 1 } }] = 3
  tester:eq(x:sum(), 72)
  local y = torch.zeros(4, 3)
  y:t()[{ long { 1, 3 }, long { 4, 2 } }] = torch.Tensor { 1, 2 }
  tester:eq(y[4][1], 1)
  tester:eq(y[2][3], 2)
  local part = torch.zeros(4, 4)
  part[{ { 2, 3 }, {} }][{ long { 1, 2 }, long { 1, 4 } }] = 1
  tester:eq(part[2][1] + part[3][4], 2)
  local b = torch.zeros(2, 2, "bool")
  b[{ long { 1, 2 }, long { 1, 2 } }] = true
  eq(b, { { true, false }, { false, true } })
  fails(function() x[{ long { 1, 2 }, long { 1, 2, 3 } }] = 1 end, "index")
  fails(function() x[{ long { 1, 2 }, long { 1, 4 } }] = 1 end, "index 4 is outside dimension 2")
  fails(function() x[{ long { 0 }, long { 1 } }] = 1 end, "index 0 is outside dimension 1")
  fails(function() x[{ long { 1 }, long { -9 } }] = 1 end, "index %-9 is outside dimension 2")
  fails(function() x[{ long { 1, 2 }, long { 1, 2 } }] = torch.ones(3, 3) end, "does not fit")
end

-- ---- writing ----------------------------------------------------------------

function tests.assigning_by_a_number()
  local x = torch.zeros(3)
  x[2] = 5
  x[-1] = 7
  eq(x, { 0, 5, 7 })
  local y = torch.zeros(2, 3)
  y[1] = 4
  y[2] = torch.Tensor { 1, 2, 3 }
  eq(y, { { 4, 4, 4 }, { 1, 2, 3 } })
  y[1][2] = 9
  eq(y[1], { 4, 9, 4 })
  y[1] = torch.scalar(8)
  eq(y[1], { 8, 8, 8 })
  y[2] = torch.IntTensor { 7, 7, 7 }
  eq(y[2], { 7, 7, 7 })
  local b = torch.BoolTensor { false, false }
  b[1] = true
  eq(b, { true, false })
end

function tests.assigning_to_a_region()
  local x = torch.zeros(3, 4)
  x[{ 2, 3 }] = 7
  x[{ {}, 1 }] = torch.Tensor { 1, 2, 3 }
  x[{ { 2, 3 }, { 3, 4 } }] = 5
  x[{ 1, { 2, 4 } }] = torch.Tensor { { 6, 7, 8 } }
  eq(x, { { 1, 6, 7, 8 }, { 2, 0, 5, 5 }, { 3, 0, 5, 5 } })
  x[{}] = 1
  eq(x:sum(), 12)
  x[{ {}, { 1, 4, 3 } }] = 0
  eq(x, { { 0, 1, 1, 0 }, { 0, 1, 1, 0 }, { 0, 1, 1, 0 } })
  x[{ { 1, 2 } }] = torch.range(1, 8):view(2, 4)
  eq(x[2], { 5, 6, 7, 8 })
  x[{ {}, { 2, 3 } }] = torch.Tensor { 20, 30 }
  eq(x[3], { 0, 20, 30, 0 })
end

function tests.assigning_by_a_mask()
  local x = x34()
  x[torch.gt(x, 10)] = 0
  eq(x[3], { 9, 10, 0, 0 })
  x[torch.lt(x, 3)] = torch.Tensor { 50, 60, 70, 80 }
  eq(x, { { 50, 60, 3, 4 }, { 5, 6, 7, 8 }, { 9, 10, 70, 80 } })
  x:t()[torch.ge(x:t(), 50)] = 1
  eq(x[1], { 1, 1, 3, 4 })
  fails(function() x[torch.gt(x, 0)] = torch.Tensor { 1 } end, "only 1 values")
  fails(function() x[torch.BoolTensor(5)] = 1 end, "maskedFill")
end

function tests.assigning_to_places()
  local x = torch.zeros(3, 4)
  x[torch.LongTensor { 1, 3 }] = 2
  x[{ {}, torch.LongTensor { 2 } }] = 9
  x[{ 2, torch.LongTensor { 1, 4 } }] = torch.Tensor { 5, 6 }
  eq(x, { { 2, 9, 2, 2 }, { 5, 9, 0, 6 }, { 2, 9, 2, 2 } })
  x[{ { 1, 2 }, torch.LongTensor { 4, 3 } }] = torch.Tensor { { 1, 2 }, { 3, 4 } }
  eq(x, { { 2, 9, 2, 1 }, { 5, 9, 4, 3 }, { 2, 9, 2, 2 } })
  x[torch.LongTensor { 2 }] = torch.Tensor { 7, 7, 7, 7 }
  eq(x[2], { 7, 7, 7, 7 })
  x[torch.LongStorage { 3, 1 }] = 0
  eq(x[3][1], 0)
  local v = torch.zeros(4)
  v[torch.LongTensor { 2, 4 }] = torch.Tensor { 1, 2 }
  eq(v, { 0, 1, 0, 2 })
  fails(function() x[torch.LongTensor { 9 }] = 1 end, "9")
end

function tests.a_region_assigned_to_itself()
  local x = torch.range(1, 5)
  x[{ { 2, 5 } }] = x[{ { 1, 4 } }]
  eq(x, { 1, 1, 2, 3, 4 })
  local y = x34()
  y[{ {}, { 1, 3 } }] = y[{ {}, { 2, 4 } }]
  eq(y[1], { 2, 3, 4, 4 })
end

-- ---- errors ----------------------------------------------------------------

function tests.errors()
  local x = x34()
  fails(function() return x[4] end, "index 4 is outside dimension 1 of a tensor of shape 3x4")
  fails(function() return x[0] end, "index 0")
  fails(function() return x[-4] end, "index %-4")
  fails(function() return x[1.5] end, "whole number")
  fails(function() return x[{ 1, 5 }] end, "index 5 is outside dimension")
  fails(function() return x[{ 1, 2, 3 }] end, "3 indices for a tensor of 2 dimensions")
  fails(function() return x[{ { 2, 1 } }] end, "range from 2 to 1")
  fails(function() return x[{ { 1, 2, 3, 4 } }] end, "at most three")
  fails(function() return x[{ { 1, 2, 0 } }] end, "step")
  fails(function() return x[{ { "a" } }] end, "numbers")
  fails(function() return x[{ "a" }] end, "string")
  fails(function() return x[true] end, "boolean")
  fails(function() return x[print] end, "function")
  fails(function() return torch.Tensor()[1] end, "index 1")
  fails(function() return torch.scalar(1)[1] end, "index 1")
  fails(function() x[4] = 1 end, "index 4")
  fails(function() x[1] = torch.Tensor { 1, 2, 3 } end, "does not fit")
  fails(function() x[{ 1, 1 }] = torch.Tensor { 1, 2 } end, "does not fit")
  fails(function() x[1] = "text" end, "number")
  fails(function() x[1] = nil end, "number")
  fails(function() x[true] = 1 end, "boolean")
  fails(function() x.nothing = 1 end, "nothing")
  eq(x, x34():totable())
end

function tests.places_at_the_ends_of_what_an_integer_holds()
  local x, one = x34(), torch.LongTensor { 1 }
  for _, place in ipairs { math.mininteger, math.mininteger + 1, math.maxinteger } do
    local at = torch.LongTensor { place }
    local pattern = ("index " .. place):gsub("-", "%%-")
    fails(function() return x[at] end, pattern)
    fails(function() return x[{ at, one }] end, pattern)
  end
  eq(x[{ { 1, 3, math.maxinteger } }], { { 1, 2, 3, 4 } })
end

-- As indices in a tensor.
function tests.indices_at_the_ends_of_what_an_integer_holds()
  for _, k in ipairs { math.mininteger, math.maxinteger } do
    local wrong, index = tostring(k) .. " is out of range", torch.LongTensor { { k, k, k } }
    fails(function() return torch.ones(1, 3):gather(2, index) end, wrong)
    fails(function() return torch.ones(1, 3):gather(2, index:narrow(2, 1, 1):expand(1, 3)) end, wrong)
    fails(function() return torch.ones(3, 3):t():gather(1, index) end, wrong)
    fails(function() return torch.ones(1, 3):scatter(2, index, 1) end, wrong)
    fails(function() return torch.ones(3):index(1, index:view(3)) end, wrong)
  end
end

tester:add(tests)
tester:run()
