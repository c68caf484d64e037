-- torch: what is added to the C functions in Lua: classes, files, testing, command lines.
-- luaopen_torch_core calls the function returned here with the table of C functions.

local function constructor_tables(torch)
  for name, mt in pairs(torch._metatables) do
    local short = name:match("^torch%.(%w+)$")
    local class = rawget(torch, short)
    if class and rawget(class, "__construct") then
      local construct = class.__construct
      class.__construct = nil
      mt.new = function(...) return construct(class, ...) end
      setmetatable(class, { __call = construct, __index = mt, __newindex = mt, __metatable = mt })
    end
  end
end

return function(torch)
  torch._VERSION = "Cresset 0.1.0"
  constructor_tables(torch)
  package.loaded.torch = torch -- the files below require it
  require("torch.class")(torch)
  require("torch.functions")(torch)
  require("torch.torch7")(torch)
  for _, name in ipairs { "creation", "complex", "fft", "windows", "spectral", "sampling" } do
    require("torch." .. name)(torch)
  end
  for _, name in ipairs {
    "shape", "join", "rearrange", "einsum", "products", "statistics", "elementwise", "sets", "places", "pad",
  } do
    require("torch." .. name)
  end
  for _, name in ipairs { "Function", "graph", "File", "Timer", "TestSuite", "Tester", "CmdLine", "func",
    "vmap", "functionalcall", "cuda", "profile" } do
    require("torch." .. name)(torch)
  end
  require("formats.numpy")(torch)
  require("formats.safetensors")(torch)
end
