-- test_basic: layers that PyTorch has too, with its values; cases/basic.lua.
local torch = require "torch"
local walk = dofile "tests/nn/walk.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

walk.golden = "tests/nn/golden/basic.npz"
walk.modules(tester, tests, dofile "tests/nn/cases/basic.lua")

tester:add(tests):run()
