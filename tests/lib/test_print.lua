-- test_print: tensors as text: Torch7's columns and scale factors, options, shortening.
local torch = require "torch"
local pretty = require "cresset.pretty"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function with(options, f)
  torch.setprintoptions(options)
  local ok, message = pcall(f)
  torch.setprintoptions { profile = "default", sciMode = "auto" }
  tester:assert(ok, tostring(message))
end

local function text(x, want)
  tester:eq(tostring(x), want)
end

function tests.torch7()
  text(torch.Tensor { 1, 2 }, " 1\n 2\n[torch.FloatTensor of size 2]\n")
  text(torch.Tensor { { 1.5, 2 }, { 3, 4 } },
    " 1.5000  2.0000\n 3.0000  4.0000\n[torch.FloatTensor of size 2x2]\n")
  text(torch.Tensor { 100000.5, 200000.25 },
    "100000 *\n 1.0000\n 2.0000\n[torch.FloatTensor of size 2]\n")
  text(torch.Tensor { 1e-9, 1 }, " 1.0000e-09\n 1.0000e+00\n[torch.FloatTensor of size 2]\n")
  text(torch.LongTensor { -3, 12 }, " -3\n 12\n[torch.LongTensor of size 2]\n")
  text(torch.Tensor { 0 / 0, 1 / 0 }, "  nan\n  inf\n[torch.FloatTensor of size 2]\n")
  text(torch.zeros(1, 2, 1), "(1,.,.) = \n   0\n   0\n[torch.FloatTensor of size 1x2x1]\n")
  text(torch.Tensor(), "[torch.FloatTensor with no dimension]\n")
  text(torch.scalar(1.5), "1.5")
end

function tests.shortened()
  with({ threshold = 5, edgeitems = 1 }, function()
    text(torch.range(1, 6), " 1\n …\n 6\n[torch.FloatTensor of size 6]\n")
    text(torch.range(1, 5), " 1\n 2\n 3\n 4\n 5\n[torch.FloatTensor of size 5]\n")
    text(torch.range(1, 9):view(3, 3), " 1  …  3\n …\n 7  …  9\n[torch.FloatTensor of size 3x3]\n")
    text(torch.range(1, 9):view(3, 3, 1),
      "(1,.,.) = \n   1\n   …\n   3\n\n…\n\n(3,.,.) = \n   7\n   …\n   9\n"
        .. "[torch.FloatTensor of size 3x3x1]\n")
  end)
  local long = tostring(torch.zeros(100000))
  tester:assert(#long < 100, long)
  -- What is not shown has no say in how the rest looks.
  with({ threshold = 5, edgeitems = 1 }, function()
    text(torch.Tensor { 1, 2, 3e9, 0.5, 2, 1 }, " 1\n …\n 1\n[torch.FloatTensor of size 6]\n")
  end)
end

function tests.wide()
  with({ linewidth = 20, threshold = math.huge }, function()
    text(torch.range(1, 12):view(1, 12):div(8), [[
Columns 1 to 2
 0.1250  0.2500

Columns 3 to 4
 0.3750  0.5000

Columns 5 to 6
 0.6250  0.7500

Columns 7 to 8
 0.8750  1.0000

Columns 9 to 10
 1.1250  1.2500

Columns 11 to 12
 1.3750  1.5000
[torch.FloatTensor of size 1x12]
]])
  end)
end

function tests.options()
  with({ precision = 2 }, function()
    text(torch.Tensor { 0.5 }, " 0.50\n[torch.FloatTensor of size 1]\n")
  end)
  with({ sciMode = true }, function()
    text(torch.Tensor { 1 }, " 1.0000e+00\n[torch.FloatTensor of size 1]\n")
    text(torch.LongTensor { 1 }, " 1\n[torch.LongTensor of size 1]\n")
  end)
  with({ sciMode = false }, function()
    text(torch.Tensor { 123456.5 }, " 123456.5000\n[torch.FloatTensor of size 1]\n")
  end)
  with({ profile = "full" }, function()
    tester:eq(torch.getprintoptions().threshold, math.huge)
    tester:eq(select(2, tostring(torch.zeros(2000)):gsub("\n", "")), 2001)
  end)
  tester:eq(torch.getprintoptions(),
    { precision = 4, threshold = 1000, edgeitems = 3, linewidth = 80, sciMode = "auto" })
  for _, bad in ipairs { { precision = -1 }, { precision = 17 }, { precision = 1.5 }, { threshold = "x" },
    { edgeitems = 0 }, { linewidth = 0 }, { unknown = 1 }, { 1 }, { profile = "tiny" } } do
    tester:assert(not pcall(torch.setprintoptions, bad))
  end
  tester:eq(torch.getprintoptions().precision, 4)
end

function tests.layouts_and_types()
  for _, name in ipairs { "float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32",
    "int64", "bool" } do
    local x = torch.ones(60, 60, name)
    tester:eq(tostring(x:t()):gsub("\n.*", ""), tostring(x):gsub("\n.*", ""))
    tester:assert(#tostring(x[{ {}, { 1, 1 } }]:expand(60, 60)) < 1000)
    tester:assert(tostring(x):find("of size 60x60]", 1, true) ~= nil)
  end
  text(torch.zeros(0, 3), "[torch.FloatTensor of size 0x3]\n")
end

function tests.colour()
  local x = torch.Tensor { 0 / 0, 1 }
  tester:assert(not pretty.format(x):find "\27")
  local s = pretty.format(x, { colour = true })
  tester:assert(s:find("\27[31mnan\27[0m", 1, true) ~= nil, s)
  tester:assert(s:find("\27[2m[torch.FloatTensor of size 2]\27[0m", 1, true) ~= nil, s)
end

tester:add(tests):run()
