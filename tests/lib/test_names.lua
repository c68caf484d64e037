-- test_names: every public name of Torch7's torch package is there.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- {torch = {"abs", ..}, FloatTensor = {..}, ..}
local function read_names()
  local sections, title = {}, nil
  for line in io.lines "tests/lib/golden/torch7_names.txt" do
    local section = line:match("^%[(%w+)%]$")
    if section then
      title, sections[section] = section, {}
    elseif not line:find("^#") then
      for name in line:gmatch("%S+") do table.insert(sections[title], name) end
    end
  end
  return sections
end

for class, names in pairs(read_names()) do
  tests[class] = function()
    local home = class == "torch" and torch or torch.getmetatable("torch." .. class)
    tester:assertgt(#names, 2)
    for _, name in ipairs(names) do
      tester:assert(home[name] ~= nil, ("%s has no %s"):format(class, name))
    end
  end
end

function tests.only_in_luajit()
  for _, name in ipairs { "cdata", "pushudata", "metatype" } do
    local ok, message = pcall(torch[name], torch.Tensor(1))
    tester:assert(not ok and message:find("LuaJIT", 1, true) ~= nil, tostring(message))
  end
  local ok, message = pcall(function() return torch.data(torch.Tensor(1))[0] end)
  tester:assert(not ok and message:find("LuaJIT", 1, true) ~= nil, tostring(message))
end

function tests.objects()
  local x = torch.ones(2)
  tester:assert(torch.isequal(x, x))
  tester:assert(not torch.isequal(x, x:clone()))
  tester:assert(torch.isequal(x:storage(), x:storage()))
  tester:assert(not torch.isequal(x, "x"))
  torch.getenv(x).note = 1
  tester:eq(torch.getenv(x).note, 1)
  torch.setenv(x, { note = 2 })
  tester:eq(torch.getenv(x).note, 2)
  tester:assert(not pcall(torch.setenv, x, 3))
  tester:eq(torch.isatty(io.tmpfile()), false)
end

function tests.generator_in_a_file()
  local g = torch.Generator()
  local file = torch.MemoryFile()
  file:writeObject(g)
  file:seek(1)
  local h = file:readObject()
  tester:eq(torch.rand(g, 5), torch.rand(h, 5))
end

function tests.alias_parts()
  local places, chances = torch.multinomialAliasSetup_(torch.Tensor { 0, 1 })
  local out = torch.LongTensor(5)
  tester:eq(torch.multinomialAlias_(out, places, chances):sum(), 10)
end

tester:add(tests):run()
