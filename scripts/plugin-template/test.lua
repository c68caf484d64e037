-- test: what the module gives, and that its derivative is right.
package.cpath = "./?.so;" .. package.cpath
local hinge = require "hinge"

local tester = torch.Tester()
local tests = torch.TestSuite()

function tests.values()
  local x = torch.FloatTensor { -1, 0.5, 2 }
  tester:eq(hinge.loss(x), torch.FloatTensor { 2, 0.5, 0 })
  tester:eq(hinge.loss(x, 3), torch.FloatTensor { 4, 2.5, 1 })
  tester:eq(hinge.loss(torch.FloatTensor(2, 3):fill(0):t()), torch.FloatTensor(3, 2):fill(1))
  tester:eq(hinge.loss(torch.FloatTensor(0)):nElement(), 0)
  tester:eq(hinge.version(), "1.0")
end

function tests.gradient()
  local x = torch.FloatTensor { -1, 0.5, 2 }:requireGrad()
  local y = hinge.loss(x) * torch.FloatTensor { 1, 2, 3 }
  y:sum():backward()
  tester:eq(x.grad, torch.FloatTensor { -1, -2, 0 })
end

function tests.errors()
  tester:assertErrorPattern(function() hinge.loss(torch.DoubleTensor(3)) end, "wanted a tensor of float32")
  tester:assertErrorPattern(function() hinge.loss(3) end, "argument 1 is 3, a tensor was wanted")
  tester:assertErrorPattern(function() hinge.loss() end, "argument 1 is nil, a tensor was wanted")
end

tester:add(tests):run()
