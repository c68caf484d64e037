-- test_tensor: making tensors, their shapes and views, storages, text, memory.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function shape(t) return table.concat(t.shape, "x") end

-- An error whose message matches the pattern and begins with this file's name and a line.
local function fails(f, pattern)
  local ok, why = pcall(f)
  tester:eq(ok, false, pattern)
  why = tostring(why)
  tester:assert(why:find(pattern) ~= nil, ("'%s' does not match '%s'"):format(why, pattern))
  tester:assert(why:find("test_tensor.lua:%d+:") ~= nil, "no line in: " .. why)
end

-- ---- constructors ----------------------------------------------------------------

function tests.empty_tensors()
  local t = torch.Tensor()
  tester:eq(t:dim(), 0)
  tester:eq(t:nElement(), 0)
  tester:eq(#t:size(), 0)
  local s = torch.scalar(3)
  tester:eq(s:dim(), 0)
  tester:eq(s:nElement(), 1)
  tester:eq(torch.Tensor({}):nElement(), 0)
  tester:eq(torch.zeros(0, 3):dim(), 2)
  tester:eq(torch.Tensor(torch.LongStorage()):nElement(), 0)
end

-- Large numbers and NaN among small ones, in lines longer than what a kernel takes at a time.
function tests.floats_to_integers()
  local odd = { 0 / 0, 1 / 0, -1 / 0, 2 ^ 31, -2 ^ 31, 2 ^ 31 - 128, -2 ^ 31 - 256, 2 ^ 63, -2 ^ 63, -1e30 }
  for _, from in ipairs { "FloatTensor", "DoubleTensor" } do
    local x = torch[from](1000):uniform(-1e6, 1e6)
    for k, v in ipairs(odd) do x[k * 83] = v end
    for _, to in ipairs { "long", "int" } do
      local least, most = -2 ^ 31, 2 ^ 31 - 1
      if to == "long" then least, most = math.mininteger, math.maxinteger end
      local y = x[to](x)
      for i = 1, 1000 do
        local v = x[i]
        local want = v ~= v and 0 or v >= most + 0.0 and most or v <= least and least or math.modf(v)
        tester:eq(y[i], math.tointeger(want), ("%s %s %g"):format(from, to, v))
      end
    end
  end
end

function tests.messages_say_what_to_use()
  fails(function() torch.FloatTensor(torch.DoubleTensor(2)) end, "use x:type%('float32'%)")
  tester:eq(torch.DoubleTensor(2):type("float32"):type(), "torch.FloatTensor")
  fails(function() torch.neg(torch.BoolTensor { true }) end, "torch.neg: .* not defined on bool")
end

function tests.from_sizes()
  tester:eq(shape(torch.Tensor(2, 3)), "2x3")
  tester:eq(shape(torch.DoubleTensor(torch.LongStorage { 2, 3 })), "2x3")
  tester:eq(torch.Tensor(2, 3):type(), "torch.FloatTensor")
  tester:eq(torch.ByteTensor(4):type(), "torch.ByteTensor")
  local sizes, strides = torch.LongStorage { 2, 3 }, torch.LongStorage { 1, 2 }
  tester:eq(torch.Tensor(sizes, strides):stride():totable(), { 1, 2 })
  tester:eq(shape(torch.IntTensor(3).new(4, 5)), "4x5")
  tester:eq(torch.IntTensor(3).new(4):type(), "torch.IntTensor")
  fails(function() torch.Tensor(-1) end, "%-1")
  fails(function() torch.Tensor(2.5) end, "whole number")
  fails(function() torch.Tensor("text") end, "sizes")
  fails(function() torch.Tensor(1 << 40, 1 << 40) end, "out of memory")
  fails(function() torch.Tensor(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) end, "sizes")
end

function tests.from_tables()
  local t = torch.IntTensor { { 1, 2, 3 }, { 4, 5, 6 } }
  tester:eq(shape(t), "2x3")
  tester:eq(t:totable(), { { 1, 2, 3 }, { 4, 5, 6 } })
  tester:eq(torch.BoolTensor { true, false }:totable(), { true, false })
  tester:eq(torch.DoubleTensor { 1, torch.scalar(2), 3 }:totable(), { 1, 2, 3 })
  fails(function() torch.Tensor { { 1, 2 }, { 3 } } end, "row")
  fails(function() torch.Tensor { { 1, 2 }, 3 } end, "number among the rows")
  fails(function() torch.Tensor { 1, "x" } end, "string among the numbers")
  fails(function() torch.Tensor { 1, {} } end, "table among the numbers")
end

function tests.from_tensors_and_storages()
  local none = torch.FloatTensor(torch.FloatStorage(), 1, torch.LongStorage(), torch.LongStorage())
  tester:eq(none:nElement(), 0)
  tester:eq(torch.Tensor.type(3), nil)
  local spread = torch.FloatTensor(torch.LongStorage { 3, 4 }, torch.LongStorage { 1, 0 })
  tester:eq(spread:storage():size(), 3, "no more than the strides reach")
  local t = torch.FloatTensor { 1, 2, 3 }
  local alias = torch.FloatTensor(t)
  alias[1] = 9
  tester:eq(t[1], 9, "the elements are shared")
  fails(function() torch.IntTensor(t) end, "float32")
  local s = torch.FloatStorage { 1, 2, 3, 4 }
  local v = torch.FloatTensor(s, 2, torch.LongStorage { 3 })
  tester:eq(v:totable(), { 2, 3, 4 })
  v[1] = 7
  tester:eq(s[2], 7)
  tester:eq(torch.FloatTensor(s):totable(), { 1, 7, 3, 4 })
  tester:eq(torch.FloatTensor(s, 1, 2, 2, 2, 1):totable(), { { 1, 7 }, { 3, 4 } })
  fails(function() torch.FloatTensor(s, 3, torch.LongStorage { 3 }) end, "storage of 4")
  tester:eq(v:storage():totable(), { 1, 7, 3, 4 })
  tester:eq(v:storageOffset(), 2)
end

function tests.filled()
  tester:eq(torch.zeros(2, 2):totable(), { { 0, 0 }, { 0, 0 } })
  tester:eq(torch.ones(2, "int64"):totable(), { 1, 1 })
  tester:eq(torch.ones(2, "torch.IntTensor"):type(), "torch.IntTensor")
  tester:eq(torch.full({ 2 }, 7, "int32"):totable(), { 7, 7 })
  tester:eq(torch.zerosLike(torch.IntTensor { 5 }):totable(), { 0 })
  tester:eq(torch.onesLike(torch.zeros(1, 2)):totable(), { { 1, 1 } })
  tester:eq(torch.eye(2, 3):totable(), { { 1, 0, 0 }, { 0, 1, 0 } })
  tester:eq(torch.range(2, 8, 3):totable(), { 2, 5, 8 })
  tester:eq(torch.range(5, 3, -1):totable(), { 5, 4, 3 })
  tester:eq(torch.arange(3):totable(), { 0, 1, 2 })
  tester:eq(torch.arange(1, 2, 0.5):totable(), { 1, 1.5 })
  tester:eq(torch.arange(3).dtype, "int64")
  tester:eq(torch.linspace(0, 1, 5):totable(), { 0, 0.25, 0.5, 0.75, 1 })
  tester:eq(torch.linspace(3, 4, 1):totable(), { 3 })
  local r = torch.IntTensor()
  tester:eq(torch.zeros(r, 2, 1):totable(), { { 0 }, { 0 } })
  tester:eq(torch.pointer(torch.range(r, 1, 3)), torch.pointer(r))
  tester:eq(r:totable(), { 1, 2, 3 })
  fails(function() torch.range(1, 3, -1) end, "range")
  fails(function() torch.range(1, 3, 0) end, "range")
  fails(function() torch.linspace(0, 1, 0) end, "point")
  fails(function() torch.zeros() end, "sizes")
  fails(function() torch.zeros(2, "nothing") end, "nothing")
end

function tests.default_type()
  local before = torch.getdefaulttensortype()
  tester:eq(before, "torch.FloatTensor")
  torch.setdefaulttensortype("torch.DoubleTensor")
  tester:eq(torch.zeros(1).dtype, "float64")
  tester:eq((torch.IntTensor { 1 } * 0.5).dtype, "float64")
  torch.setdefaulttensortype(before)
  fails(function() torch.setdefaulttensortype("torch.IntTensor") end, "float")
end

-- ---- state ----------------------------------------------------------------

function tests.properties()
  local t = torch.zeros(2, 3)
  tester:eq(t.shape, { 2, 3 })
  tester:eq(t.dtype, "float32")
  tester:eq(t.device, "cpu")
  tester:eq(t:size(), torch.LongStorage { 2, 3 })
  tester:eq(t:size(2), 3)
  tester:eq(t:size(-1), 3)
  tester:eq(t:stride(1), 3)
  tester:eq(#t, torch.LongStorage { 2, 3 })
  tester:eq(t:elementSize(), 4)
  tester:eq(torch.isTensor(t), true)
  tester:eq(torch.isTensor(3), false)
  tester:eq(torch.isStorage(t:storage()), true)
  tester:eq(t:isContiguous(), true)
  tester:eq(t:t():isContiguous(), false)
  tester:eq(t:isSameSizeAs(torch.IntTensor(2, 3)), true)
  tester:eq(t:isSize(torch.LongStorage { 2, 3 }), true)
  tester:eq(t:isSetTo(t:narrow(1, 1, 2)), true)
  tester:eq(t:isSetTo(t:clone()), false)
  tester:assert(t.nothing == nil)
  fails(function() t:size(3) end, "dimension")
  fails(function() t:size(0) end, "dimension")
end

function tests.equality()
  local t = torch.zeros(2)
  tester:assert(t == t)
  tester:assert(t ~= torch.zeros(2), "equality of tensors is identity")
  tester:assert(torch.scalar(2) == torch.scalar(2))
  tester:assert(torch.equal(t, torch.zeros(2)))
  tester:assert(not torch.equal(t, torch.zeros(3)))
  tester:assert(torch.allclose(torch.ones(2), torch.ones(2) + 1e-7))
end

function tests.set_and_resize()
  local a, b = torch.range(1, 6), torch.Tensor()
  b:set(a)
  b[1] = 10
  tester:eq(a[1], 10)
  b:set(a:storage(), 3, torch.LongStorage { 2, 2 })
  tester:eq(b:totable(), { { 3, 4 }, { 5, 6 } })
  b:set(a:storage(), 1, 2, 3, 2, 1)
  tester:eq(b:totable(), { { 10, 2 }, { 4, 5 } })
  b:resize(2, 3)
  tester:eq(shape(b), "2x3")
  b:resize(8)
  tester:eq(a[6], 6)
  tester:eq(shape(torch.Tensor():resizeAs(a)), "6")
  b:set()
  tester:eq(b:nElement(), 0)
  fails(function() b:set(a:storage(), 8, torch.LongStorage { 2 }) end, "reaches")
  fails(function() b:set(torch.IntStorage(3)) end, "int32 storage for a float32")
  fails(function() b:resize(-3) end, "%-3")
end

function tests.freed_tensors()
  local t = torch.zeros(3)
  t:free()
  fails(function() return t:size() end, "freed")
  fails(function() return t + 1 end, "freed")
  t:free()
  do
    local c <close> = torch.zeros(2)
    tester:eq(c:nElement(), 2)
  end
  tester:eq(tostring(torch.zeros(1)):find("freed"), nil)
end

-- ---- views ----------------------------------------------------------------

-- Numbers 1.. in the shape.
local function counted(...)
  local n = 1
  for _, size in ipairs { ... } do n = n * size end
  return torch.range(1, n):view(...)
end

function tests.narrow_select_sub()
  local x = counted(3, 4)
  tester:eq(x:narrow(2, 2, 2):totable(), { { 2, 3 }, { 6, 7 }, { 10, 11 } })
  tester:eq(x:narrow(-1, 4, 1):totable(), { { 4 }, { 8 }, { 12 } })
  tester:eq(x:select(1, 2):totable(), { 5, 6, 7, 8 })
  tester:eq(x:select(2, -1):totable(), { 4, 8, 12 })
  tester:eq(x:sub(2, 3, -2, -1):totable(), { { 7, 8 }, { 11, 12 } })
  x:narrow(1, 2, 1):zero()
  tester:eq(x[2]:sum(), 0)
  fails(function() x:narrow(1, 3, 2) end, "elements 3 to 4 of dimension 1 of a tensor of shape 3x4")
  fails(function() x:narrow(3, 1, 1) end, "dimension 3")
  fails(function() x:narrow(1, 0, 1) end, "narrow")
  fails(function() x:narrow(1, 1, -1) end, "narrow")
  fails(function() x:select(1, 4) end, "4 is outside dimension 1")
  fails(function() x:select(1, 0) end, "0 is outside")
  fails(function() x:select(1, -4) end, "outside")
  fails(function() x:sub(1, 2, 1, 2, 1, 2) end, "more ranges")
end

function tests.transpose_permute()
  local x = counted(2, 3)
  tester:eq(x:t():totable(), { { 1, 4 }, { 2, 5 }, { 3, 6 } })
  tester:eq(x:transpose(1, 2):totable(), x:t():totable())
  tester:eq(shape(counted(2, 3, 4):permute(3, 1, 2)), "4x2x3")
  tester:eq(counted(2, 3, 4):permute(3, 1, 2)[{ 4, 2, 1 }], 16)
  tester:eq(shape(counted(2, 3, 4):permute(-1, 1, 2)), "4x2x3")
  fails(function() x:permute(1) end, "1 dimensions given")
  fails(function() x:permute(1, 1) end, "twice")
  fails(function() x:transpose(1, 3) end, "dimension 3")
  fails(function() counted(2, 2, 2):t() end, "matrix")
end

function tests.view_and_reshape()
  local x = counted(2, 6)
  tester:eq(shape(x:view(3, 4)), "3x4")
  tester:eq(shape(x:view(-1, 2)), "6x2")
  tester:eq(shape(x:view(torch.LongStorage { 12 })), "12")
  tester:eq(x:t():reshape(4, 3)[4]:totable(), { 11, 6, 12 })
  tester:eq(shape(counted(2, 3, 4):transpose(1, 2):view(3, 2, 2, 2)), "3x2x2x2", "runs can be cut")
  tester:eq(shape(torch.range(1, 12):viewAs(torch.zeros(3, 4))), "3x4")
  tester:eq(shape(torch.zeros(0, 3):view(3, 0)), "3x0")
  local r = torch.Tensor()
  tester:eq(shape(r:view(x, 4, 3)), "4x3")
  r[1][1] = 100
  tester:eq(x[1][1], 100)
  fails(function() x:view(5, 2) end, "shape 2x6 %(12 elements%) as 5x2")
  fails(function() x:view(-1, 5) end, "view")
  fails(function() x:view(-1, -1) end, "view")
  fails(function() x:t():view(12) end, "contiguous")
  fails(function() x:reshape(7) end, "reshape")
end

function tests.expand_squeeze_unsqueeze()
  local x = counted(1, 3)
  tester:eq(x:expand(2, 3):totable(), { { 1, 2, 3 }, { 1, 2, 3 } })
  tester:eq(shape(x:expand(4, 2, 3)), "4x2x3")
  tester:eq(shape(x:expand(2, -1)), "2x3")
  tester:eq(shape(x:expandAs(torch.zeros(5, 3))), "5x3")
  fails(function() x:expand(2, 4) end, "only sizes of 1 can grow")
  fails(function() x:expand(3) end, "expand")
  local y = torch.zeros(1, 2, 1, 3)
  tester:eq(shape(y:squeeze()), "2x3")
  tester:eq(shape(y:squeeze(3)), "1x2x3")
  tester:eq(shape(y:squeeze(2)), "1x2x1x3")
  tester:eq(torch.zeros(1, 1):squeeze():dim(), 0)
  tester:eq(shape(torch.zeros(2, 3):unsqueeze(1)), "1x2x3")
  tester:eq(shape(torch.zeros(2, 3):unsqueeze(3)), "2x3x1")
  tester:eq(shape(torch.zeros(2, 3):unsqueeze(-1)), "2x3x1")
  fails(function() torch.zeros(2):unsqueeze(3) end, "unsqueeze")
  fails(function() torch.zeros(2):unsqueeze(0) end, "unsqueeze")
  fails(function() y:squeeze(5) end, "dimension 5")
end

function tests.unfold_and_diagonal()
  tester:eq(torch.range(1, 5):unfold(1, 3, 1):totable(), { { 1, 2, 3 }, { 2, 3, 4 }, { 3, 4, 5 } })
  tester:eq(torch.range(1, 5):unfold(1, 2, 3):totable(), { { 1, 2 }, { 4, 5 } })
  tester:eq(shape(torch.zeros(4, 5):unfold(1, 2, 1)), "3x5x2")
  local x = counted(3, 4)
  tester:eq(x:diagonal():totable(), { 1, 6, 11 })
  tester:eq(x:diagonal(2):totable(), { 3, 8 })
  tester:eq(x:diagonal(-1):totable(), { 5, 10 })
  tester:eq(x:diagonal(9):nElement(), 0)
  tester:eq(torch.diag(torch.Tensor { 1, 2 }, 1):totable(), { { 0, 1, 0 }, { 0, 0, 2 }, { 0, 0, 0 } })
  fails(function() torch.range(1, 5):unfold(1, 6, 1) end, "windows")
  fails(function() torch.range(1, 5):unfold(1, 2, 0) end, "windows")
  fails(function() torch.range(1, 5):diagonal() end, "dimensions")
end

function tests.clone_copy_repeat()
  local x = counted(2, 3)
  local c = x:t():clone()
  tester:eq(c:isContiguous(), true)
  c:zero()
  tester:eq(x:sum(), 21)
  tester:eq(torch.pointer(x:contiguous()), torch.pointer(x))
  tester:eq(torch.zeros(3, 2):copy(x):totable(), { { 1, 2 }, { 3, 4 }, { 5, 6 } }, "as many elements")
  tester:eq(torch.zeros(2, 2):copy(torch.IntTensor { 1, 2 }):totable(), { { 1, 2 }, { 1, 2 } })
  tester:eq(torch.zeros(2):copy(torch.FloatStorage { 5, 6 }):totable(), { 5, 6 })
  local row = { 1, 2, 1, 2 }
  tester:eq(torch.repeatTensor(torch.Tensor { 1, 2 }, 2, 2):totable(), { row, row })
  tester:eq(shape(x:repeatTensor(torch.LongStorage { 2, 1 })), "4x3")
  tester:eq(torch.ones(1, 1, 1, 1, 1, 1, 1, 1, 2):repeatTensor(1, 1, 1, 1, 1, 1, 1, 1, 3):size(9), 6)
  fails(function() torch.zeros(2):copy(torch.zeros(3)) end, "does not fit")
  fails(function() torch.zeros(2):copy(3) end, "tensor")
end

-- Lines too short to copy one by one, in every order of four dimensions, and with gaps on either side.
function tests.copies_of_short_lines()
  local function check(x, what)
    local copy, gaps = x:clone(), torch.zeros(x:size(1), x:size(2), x:size(3), 2 * x:size(4), x.dtype)
    local view = gaps:unfold(4, 1, 2):select(5, 1)
    view:copy(x)
    for _, at in ipairs { { 1, 1, 1, 1 }, { -1, -1, -1, -1 }, { 1, -1, 2, -1 }, { -1, 2, -1, 1 } } do
      local i, j, k, l = table.unpack(at)
      tester:eq(copy[i][j][k][l], x[i][j][k][l], what)
      tester:eq(view[i][j][k][l], x[i][j][k][l], what)
    end
    tester:eq((copy:double() - x:double()):abs():sum(), 0, what)
    tester:eq((view:double() - x:double()):abs():sum(), 0, what)
  end
  for _, dtype in ipairs { "uint8", "int16", "float32", "float64" } do
    local x = torch.range(1, 3 * 5 * 60 * 70):fmod(251):type(dtype):view(3, 5, 60, 70)
    for a = 1, 4 do
      for b = 1, 4 do
        check(x:transpose(a, b), ("%s, %d and %d"):format(dtype, a, b))
        check(x:transpose(a, b):transpose(1, 4), ("%s, %d and %d turned"):format(dtype, a, b))
      end
    end
    check(x:narrow(1, 1, 1):unfold(4, 3, 1):select(1, 1), dtype .. " unfolded")
    check(x:view(3, 5, 4200, 1):expand(3, 5, 4200, 4), dtype .. " expanded")
  end
end

function tests.apply_and_totable()
  local x = counted(2, 2)
  local sum = 0
  x:apply(function(v) sum = sum + v end)
  tester:eq(sum, 10)
  tester:eq(x:t():apply(function(v) return v * 10 end):totable(), { { 10, 30 }, { 20, 40 } })
  fails(function() x:apply(function() error("inside") end) end, "inside")
  tester:eq(torch.scalar(3):totable(), 3)
  tester:eq(torch.scalar(3):item(), 3)
  fails(function() x:item() end, "one element")
end

-- ---- text ----------------------------------------------------------------

local function text(t) return (tostring(t):gsub("[ \t]+\n", "\n")) end

function tests.printing_vectors_and_matrices()
  tester:eq(text(torch.Tensor { 1, 2, 3 }), " 1\n 2\n 3\n[torch.FloatTensor of size 3]\n")
  tester:eq(text(torch.IntTensor { { 1, -2 }, { 30, 4 } }),
    "  1  -2\n 30   4\n[torch.IntTensor of size 2x2]\n")
  tester:eq(text(torch.DoubleTensor { 0.5, 1.25 }), " 0.5000\n 1.2500\n[torch.DoubleTensor of size 2]\n")
  tester:eq(text(torch.Tensor()), "[torch.FloatTensor with no dimension]\n")
  tester:eq(text(torch.scalar(2.5)), "2.5")
end

function tests.printing_more()
  tester:eq(text(torch.Tensor { 1e-5, 1 }), " 1.0000e-05\n 1.0000e+00\n[torch.FloatTensor of size 2]\n")
  tester:assert(text(torch.Tensor { 0 / 0, math.huge, -math.huge, 1 }):find("nan") ~= nil)
  local cube = text(torch.zeros(2, 1, 2))
  tester:assert(cube:find("%(1,%.,%.%)") ~= nil and cube:find("%(2,%.,%.%)") ~= nil, cube)
  local wide = text(torch.zeros(2, 100))
  tester:assert(wide:find("Columns 1 to") ~= nil, wide)
  tester:assert(text(torch.zeros(0, 3)):find("0x3") ~= nil)
  for _, kind in ipairs { "Float", "Double", "Half", "BFloat16", "Char", "Byte", "Int", "Long", "Bool" } do
    local t = torch[kind .. "Tensor"](2, 2):fill(1)
    tester:assert(text(t):find("torch." .. kind .. "Tensor of size 2x2", 1, true) ~= nil, text(t))
  end
end

-- ---- memory ----------------------------------------------------------------

function tests.memory_is_bounded_without_collecting()
  collectgarbage()
  collectgarbage()
  local start = torch.memory().live
  local most = 0
  for i = 1, 20000 do
    local t = torch.FloatTensor(262144) -- a megabyte
    if i % 100 == 0 then
      t[1] = i
      most = math.max(most, torch.memory().live)
    end
  end
  tester:assertlt(most - start, 70 * 1024 * 1024)
end

-- Values that die old, beside tensors that die young.
function tests.lua_memory_is_bounded_beside_tensors()
  collectgarbage()
  collectgarbage()
  local start, most, recent = collectgarbage "count", 0, {}
  for i = 1, 30000 do
    recent[i % 1000] = ("x"):rep(1000) .. i -- a megabyte of them
    torch.FloatTensor(100000)
    most = math.max(most, collectgarbage "count")
  end
  tester:eq(#recent, 999)
  tester:assertlt(most, 3 * (start + 1024))
end

function tests.out_of_memory_is_an_error()
  for _ = 1, 3 do
    fails(function() torch.ByteTensor(1 << 57) end, "out of memory")
  end
  tester:eq(torch.zeros(3):sum(), 0)
end

-- Lua's math.fmod is C's.  Each pair stands alone, and among others that the vectorised loop meets.
function tests.remainders_of_every_kind()
  local kinds = { 0, 1, -1, 0.5, -0.5, 3, -7, 1 / 0, -1 / 0, 0 / 0, 1e30, -1e30, 1e-40, 2.9999999, 0.1 }
  local function same(a, b) return a == b or (a ~= a and b ~= b) end
  for _, kind in ipairs { "torch.FloatTensor", "torch.DoubleTensor" } do
    local x = torch.DoubleTensor(kinds):type(kind)
    local a = x:view(-1, 1):expand(#kinds, #kinds):clone():view(-1)
    local b = x:view(1, -1):expand(#kinds, #kinds):clone():view(-1)
    local together = torch.fmod(a, b)
    for i = 1, a:nElement() do
      local alone = torch.fmod(a:narrow(1, i, 1), b:narrow(1, i, 1))[1]
      local wanted = math.fmod(a[i], b[i])
      tester:assert(same(alone, wanted) and same(together[i], wanted),
        ("fmod(%g, %g) of %s is %g and %g, wanted %g"):format(a[i], b[i], kind, alone, together[i], wanted))
    end
  end
end

tester:add(tests)
tester:run()
