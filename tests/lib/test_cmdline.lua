-- test_cmdline: torch.CmdLine, and torch.Timer.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function make()
  local cmd = torch.CmdLine()
  cmd:text("A program.")
  cmd:argument("<file>", "what to read")
  cmd:option("-lr", 0.5, "learning rate")
  cmd:option("-name", "x", "a name")
  cmd:option("-fast", false, "be quick")
  cmd:option("-slow", true, "be slow")
  return cmd
end

-- What happens when it ends the program: the exit code and what was printed.
local function leaving(f)
  local out = {}
  local sink = { write = function(self, ...)
    for i = 1, select("#", ...) do out[#out + 1] = tostring((select(i, ...))) end
    return self
  end, flush = function() end }
  local exit, stdout, stderr = os.exit, io.stdout, io.stderr
  local code
  os.exit = function(c) -- luacheck: ignore
    code = c
    error("left", 0)
  end
  io.stdout, io.stderr = sink, sink -- luacheck: ignore
  local ok, err = pcall(f)
  os.exit, io.stdout, io.stderr = exit, stdout, stderr -- luacheck: ignore
  if not ok and err ~= "left" then error(err, 0) end
  return code, table.concat(out)
end

function tests.defaults_and_values()
  local p = make():parse { "f.txt" }
  tester:eq(p, { ["<file>"] = "f.txt", lr = 0.5, name = "x", fast = false, slow = true })
  p = make():parse { "-lr", "0.1", "f.txt", "-fast", "-name", "-5", "-slow" }
  tester:eq(p, { ["<file>"] = "f.txt", lr = 0.1, name = "-5", fast = true, slow = false })
  p = make():parse { "--lr=2", "f.txt", "--name=a=b" }
  tester:eq(p.lr, 2)
  tester:eq(p.name, "a=b")
  tester:eq(make():parse({ "-lr", "-0.5", "f" }).lr, -0.5)
end

function tests.typed_arguments()
  local cmd = torch.CmdLine()
  cmd:argument("-n", "how many", "number")
  tester:eq(cmd:parse { "12" }, { n = 12 })
  local code, text = leaving(function() cmd:parse { "many" } end)
  tester:eq(code, 1)
  tester:assert(text:find("'many' is no number") ~= nil)
end

function tests.help()
  for _, flag in ipairs { "-h", "-help", "--help" } do
    local code, text = leaving(function() make():parse { [0] = "prog.lua", flag } end)
    tester:eq(code, 0)
    tester:assert(text:find("Usage: prog%.lua %[options%] <file>") ~= nil, text)
    tester:assert(text:find("A program%.") ~= nil)
    tester:assert(text:find("  %-lr +learning rate %[0%.5%]") ~= nil)
    tester:assert(text:find("  <file> what to read\n") ~= nil)
  end
end

function tests.faults()
  local cases = {
    { { "f", "-nosuch", "1" }, "unknown option: %-nosuch" },
    { { "f", "-lr", "fast" }, "invalid value for option %-lr: 'fast' is no number" },
    { { "f", "-lr" }, "missing value for option %-lr" },
    { {}, "missing argument: <file>" },
    { { "a", "b" }, "too many arguments: b" },
    { { "f", "-fast=yes" }, "takes no value" },
  }
  for _, case in ipairs(cases) do
    local code, text = leaving(function() make():parse(case[1]) end)
    tester:eq(code, 1)
    tester:assert(text:find(case[2]) ~= nil, text)
    tester:assert(text:find("Usage:") ~= nil)
  end
  tester:assertErrorPattern(function() torch.CmdLine():option("-x") end, "no default")
  tester:assertErrorPattern(function() torch.CmdLine():option("-x", 1, "", "string") end, "not a string")
end

function tests.names_of_runs()
  local cmd = make()
  local p = cmd:parse { "f.txt", "-lr", "0.25", "-fast" }
  tester:eq(cmd:string("run", p, {}), "run,<file>=f.txt,fast=t,lr=0.25")
  tester:eq(cmd:string("run", p, { lr = true, name = false }), "run,<file>=f.txt,fast=t,name=x")
  local other = torch.CmdLine("_", ":")
  other:option("-a", 1)
  tester:eq(other:string("x", { a = 2 }, {}), "x_a:2")
  tester:eq(other:string("x", { a = 1 }, {}), "x")
end

function tests.log()
  local name = os.tmpname()
  local cmd = make()
  local real = print
  cmd:silent()
  cmd:addTime("run", "%Y ")
  cmd:log(name, { lr = 1 })
  print("hello", 5)
  _G.print = real
  local f = io.open(name)
  local text = f:read("a")
  f:close()
  os.remove(name)
  tester:assert(text:find("%d+ %[run%]:  hello 5\n$") ~= nil, text)
  tester:assert(text:find("lr 1\n") ~= nil)
end

function tests.timer()
  local timer = torch.Timer()
  local start = torch.tic()
  while torch.toc(start) < 0.02 do math.sin(1) end
  local t = timer:time()
  tester:assertge(t.real, 0.02)
  tester:assertlt(t.real, 1)
  tester:assertge(t.user + t.sys, 0)
  local stopped = timer:stop():time().real
  tester:eq(timer:time().real, stopped)
  tester:assertge(timer:resume():time().real, stopped)
  tester:assertlt(timer:stop():reset():time().real, 1e-9)
end

tester:add(tests):run()
