-- walk: every function that a restricted script can come to, called as one calls what opens files.

-- luacheck: new globals prepare try tell, max line length 120

local functions, names, seen = {}, {}, {}
local left_out = { ["os.exit"] = true, ["error"] = true }
local strings = { "probe.t7", "/etc/hostname" }

local function visit(value, path)
  if seen[value] then return end
  local kind = type(value)
  if kind == "function" then
    seen[value] = true
    if left_out[path] then return end
    functions[#functions + 1], names[#names + 1] = value, path
  elseif kind == "table" then
    seen[value] = true
    for k, v in next, value do visit(v, path == "" and tostring(k) or path .. "." .. tostring(k)) end
    visit(getmetatable(value), path .. "<meta>")
  end
end

local objects

function prepare()
  for _, name in ipairs { "nn", "nn.functional", "optim", "autograd", "graph", "nngraph", "json", "cjson", "tune",
    "train", "plot" } do
    require(name)
  end
  seen[strings] = true
  visit({ [""] = 1 }, "")
  visit(package.loaded, "")
  for _, class in ipairs { "torch.File", "torch.DiskFile", "torch.MemoryFile", "torch.PipeFile", "torch.Timer",
    "torch.CmdLine", "torch.Tester", "nn.Module", "nn.Sequential", "nn.Criterion", "graph.Graph", "graph.Node",
    "nn.gModule" } do
    visit(torch.getmetatable(class), class)
  end
  local x = torch.ones(2, 2)
  local nn = require "nn"
  objects = { x, nn.Linear(2, 2), { 1 } }
  local methods = getmetatable(nn.Linear(1, 1))
  visit(methods, "nn.Linear")
  return #functions
end

-- A logger, a checkpoint and the like are made by their constructors, and their methods called.
local function use(object, depth)
  if type(object) ~= "table" or depth > 1 then return end
  local mt = getmetatable(object)
  if type(mt) ~= "table" then return end
  for _, method in ipairs { "save", "load", "write", "log", "plot", "html", "style", "set", "add", "names",
    "graphvizFile", "toDot", "svg", "file" } do
    local ok, f = pcall(function() return object[method] end)
    if ok and type(f) == "function" then
      pcall(f, object, "probe.t7")
      pcall(f, object, "/etc/hostname", objects[1])
    end
  end
end

local pcall, print_name, ipairs = pcall, tell, ipairs

function try(i)
  local f = functions[i]
  print_name(names[i])
  local function keep(ok, ...) if ok then use((...), 0) end end
  for _, s in ipairs(strings) do
    keep(pcall(f, s))
    keep(pcall(f, s, "w"))
    keep(pcall(f, s, true, 1))
    keep(pcall(f, objects[1], s))
    keep(pcall(f, s, objects[1]))
    keep(pcall(f, objects[2], s))
    keep(pcall(f, objects[3], s))
    keep(pcall(f, { s }))
    keep(pcall(f, { file = s, path = s, filename = s, dir = s, folder = s, name = s }))
  end
end
