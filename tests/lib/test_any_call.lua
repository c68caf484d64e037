-- Calls every function of torch, every method of tensors and storages, and nn.functional with random
-- arguments, sensible and not.  Whatever is wrong with them must be an ordinary error: the test is that
-- the process is alive at the end and still computes correctly.  ROUNDS=n runs longer.

local nn = require "nn"

local tester, suite = torch.Tester(), torch.TestSuite()
local rounds = tonumber(os.getenv("ROUNDS") or 20000)

-- What would end, block or litter is left out.
local skipped = {
  load = true, save = true, loadobj = true, saveobj = true, DiskFile = true,
  savenpy = true, savenpz = true, savesafetensors = true, PipeFile = true, test = true, include = true,
  setnumthreads = true, setmemorylimit = true, setdefaulttensortype = true,
  apply = true, map = true, map2 = true,
  _setgrad = true, class = true, setmetatable = true, CmdLine = true, Tester = true, free = true,
  setRNGState = true, packageLuaPath = true,
  Storage = true, ["s:new"] = true, -- of a name and true they make a file
}

local types = { "Float", "Double", "Half", "BFloat16", "Char", "Byte", "Short", "Int", "Long", "Bool" }
local shapes = {
  {}, { 1 }, { 3 }, { 0 }, { 2, 3 }, { 3, 3 }, { 3, 2 }, { 1, 3 }, { 2, 0 }, { 2, 3, 4 }, { 1, 2, 5, 5 },
}

local function random_tensor()
  local shape = shapes[math.random(#shapes)]
  local name = types[math.random(#types)]
  if #shape == 0 then return torch.scalar(math.random(-2, 3), name) end
  local size = torch.LongStorage(shape)
  local t = torch.zeros(size, name):copy(torch.zeros(size):random(1, 4))
  local kind = math.random(8)
  if kind == 1 and t:dim() == 2 then t = t:t() end
  if kind == 2 and t:dim() >= 1 then t = t:narrow(1, 1, 1) end
  if kind == 3 and t:dim() >= 1 then t = t:narrow(1, 1, 1):expandAs(t) end
  if kind == 4 and t.dtype == "float64" then t:requireGrad() end
  if kind == 5 and t.dtype == "float64" then t = t:requireGrad() * 2 end
  return t
end

local numbers = {
  0, 1, 2, 3, -1, -2, 0.5, 1.5, 100, -100, 17, 1e300, -1e300, 0 / 0, 1 / 0, -1 / 0, 2 ^ 31, 2 ^ 53,
  math.maxinteger, math.mininteger,
}

local makers = {
  random_tensor, random_tensor, random_tensor, random_tensor,
  function() return numbers[math.random(#numbers)] end,
  function() return math.random(1, 3) end,
  function() return math.random(1, 3) end,
  function() return torch.LongStorage { math.random(0, 3), math.random(1, 3) } end,
  function() return { math.random(0, 3), math.random(1, 3) } end,
  function() return { random_tensor(), random_tensor() } end,
  function() return { { 1, 2 }, { math.random(-1, 2) } } end,
  function() return ({ "N", "V", "U", "", "float64", "F", "nonsense" })[math.random(7)] end,
  function() return math.random(2) == 1 end,
  function() return nil end,
  function() return torch.Generator() end,
  function() return torch.LongTensor { math.random(-1, 3), math.random(1, 3) } end,
  function() return torch.FloatStorage(math.random(0, 4)) end,
}

local function collect(functions, source, prefix)
  local names = {}
  for name, f in pairs(source) do
    if type(name) == "string" and type(f) == "function" and not skipped[name]
      and not skipped[prefix .. name] and name ~= "__gc" then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do functions[#functions + 1] = { prefix .. name, source[name] } end
end

function suite.nothing_ends_the_process()
  math.randomseed(tonumber(os.getenv("SEED") or 1))
  torch.manualSeed(1)
  torch.setmemorylimit(2 ^ 28) -- the numbers ask for any amount
  local functions = {}
  collect(functions, torch, "torch.")
  collect(functions, torch.fft, "torch.fft.")
  collect(functions, torch.complex, "torch.complex.")
  collect(functions, nn.functional, "nn.functional.")
  collect(functions, torch._metatables["torch.DoubleTensor"], "x:")
  collect(functions, torch._metatables["torch.LongStorage"], "s:")
  local verbose, fine = os.getenv("VERBOSE"), 0
  for _ = 1, rounds do
    local f = functions[math.random(#functions)]
    local args, n = {}, math.random(0, 5)
    for i = 1, n do args[i] = makers[math.random(#makers)]() end
    if verbose then io.stderr:write(f[1], "(", n, ")\n") end
    local ok, result = pcall(f[2], table.unpack(args, 1, n))
    if ok then
      fine = fine + 1
      pcall(tostring, result)
      if torch.isTensor(result) and result.requiresGrad then
        pcall(function() result:sum():backward() end)
      end
    end
  end
  torch.setmemorylimit(0)
  tester:assertgt(fine, rounds / 50, "some calls are sensible")
  tester:asserteq(torch.mm(torch.ones(2, 3), torch.ones(3, 2)):sum(), 12)
end

tester:add(suite)
tester:run()
