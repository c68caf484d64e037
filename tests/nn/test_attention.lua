-- test_attention: attention and transformers; cases/attention.lua.
local torch = require "torch"
local walk = dofile "tests/nn/walk.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

walk.golden = "tests/nn/golden/attention.npz"
walk.modules(tester, tests, dofile "tests/nn/cases/attention.lua")

tester:add(tests):run()
