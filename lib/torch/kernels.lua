-- kernels: CUDA kernels that scripts compile: what their parameters are, and the compiled code kept on disk.

local raise = require("torch.caller").raise

-- ---- what a kernel's parameters are ---------------------------------------------------------------------

-- The element types by what C++ calls them; true: unsigned, and no type of tensors.
local types = {
  float = "float32", double = "float64", half = "float16", __half = "float16", __nv_bfloat16 = "bfloat16",
  nv_bfloat16 = "bfloat16", bool = "bool", char = "int8", int8_t = "int8",
  ["unsigned char"] = "uint8", uint8_t = "uint8", short = "int16", int16_t = "int16", int = "int32",
  int32_t = "int32", long = "int64", ["long long"] = "int64", int64_t = "int64", ptrdiff_t = "int64",
}
local unsigned = {
  ["unsigned short"] = "int16", uint16_t = "int16", unsigned = "int32", uint32_t = "int32",
  ["unsigned long"] = "int64", ["unsigned long long"] = "int64", uint64_t = "int64", size_t = "int64",
}
local type_words = { unsigned = true, signed = true, char = true, short = true, int = true, long = true,
  float = true, double = true, bool = true }

local function without_comments(source)
  return (source:gsub("/%*.-%*/", " "):gsub("//[^\n]*", " "))
end

-- Splits a list at the commas that are inside no brackets.
local function split(list)
  local parts, depth, from = {}, 0, 1
  for at, c in list:gmatch "()([<>()%[%]{},])" do
    if c == "," and depth == 0 then
      parts[#parts + 1] = list:sub(from, at - 1)
      from = at + 1
    elseif c:find "[<(%[{]" then
      depth = depth + 1
    elseif c ~= "," then
      depth = depth - 1
    end
  end
  parts[#parts + 1] = list:sub(from)
  return parts
end

-- A type as the tables above name it: "long unsigned int" is "unsigned long".
local function type_name(words)
  local sign, rest = nil, {}
  for _, word in ipairs(words) do
    if word == "unsigned" or word == "signed" then
      sign = word
    elseif word ~= "int" or #words == 1 then
      rest[#rest + 1] = word
    end
  end
  local name = table.concat(rest, " ")
  if sign == "unsigned" then return name == "" and sign or sign .. " " .. name end
  return name ~= "" and name or "int"
end

-- One parameter, from its text: { text, pointer, written, dtype, unsigned }.
local function parameter(text, fn)
  text = text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  local plain = text:gsub("=.*", "")
  for _, word in ipairs { "__restrict__", "__restrict", "volatile", "struct", "__grid_constant__" } do
    plain = plain:gsub("%f[%w_]" .. word .. "%f[^%w_]", "")
  end
  local pointer = plain:find "[*%[]" ~= nil
  local before = plain:match "^[^*%[]*"
  local constant, words = false, {}
  for word in before:gmatch "[%w_:]+" do
    if word == "const" then
      constant = true
    else
      words[#words + 1] = word
    end
  end
  -- without an asterisk between them, the parameter's name comes after its type
  local named = not plain:find "*" and #words > 1 and not type_words[words[#words]]
  if named then words[#words] = nil end
  local name = type_name(words)
  local p = { text = text, pointer = pointer, written = pointer and not constant,
    dtype = types[name] or unsigned[name], unsigned = unsigned[name] ~= nil }
  if not pointer and not p.dtype then
    raise("%s: the parameter '%s' is neither a pointer nor a number", fn, text)
  end
  return p
end

-- The texts of the kernels in a source without comments: name -> list of parameters, template's list.
local function kernels_in(source)
  local found, names = {}, {}
  for at in source:gmatch "()%f[%w_]__global__%f[^%w_]" do
    local name, list
    local from = at
    repeat
      local head, candidate, open = source:match("()%f[%w_]([%w_]+)%s*()%b()", from)
      name = candidate
      if not head then break end
      list = source:match("^%b()", open)
      from = open + #list
    until not name:find "^__.*__$" -- as __launch_bounds__(128)
    if name and not found[name] then
      local template = source:sub(1, at - 1):match "template%s*(%b<>)%s*$"
        or source:sub(1, at - 1):match "template%s*(%b<>)%s*extern%s*\"C\"%s*$"
      found[name] = { list = list:sub(2, -2), template = template and template:sub(2, -2) }
      names[#names + 1] = name
    end
  end
  return found, names
end

-- Puts the arguments of a template in the places of its parameters.
local function instantiated(kernel, name, fn)
  local given = name:match "(%b<>)%s*$"
  if not kernel.template then return kernel.list end
  if not given then
    raise("%s: '%s' is a template; its arguments are wanted, as in \"%s<float>\"", fn, name, name)
  end
  local values = split(given:sub(2, -2))
  local list = kernel.list
  for i, text in ipairs(split(kernel.template)) do
    local key = text:gsub("=.*", ""):match "([%w_]+)%s*$"
    local value = values[i] or text:match "=%s*(.-)%s*$"
    if key and value then list = list:gsub("%f[%w_]" .. key .. "%f[^%w_]", value) end
  end
  return list
end

-- The kernel's name as it is to be compiled, and its parameters.
local function signature(source, name, fn)
  local found, names = kernels_in(without_comments(source))
  if not names[1] then raise("%s: the source has no __global__ function", fn) end
  if not name then
    if names[2] then
      raise("%s: the source has several kernels (%s); the name of one is wanted", fn,
        table.concat(names, ", "))
    end
    name = names[1]
  end
  local kernel = found[name:match "([%w_]+)%s*%b<>%s*$" or name:match "([%w_]+)%s*$" or ""]
  if not kernel then
    raise("%s: the source has no __global__ function '%s', but %s", fn, name, table.concat(names, ", "))
  end
  local list, parameters = instantiated(kernel, name, fn), {}
  if list:find "%S" and not list:find "^%s*void%s*$" then
    for i, text in ipairs(split(list)) do parameters[i] = parameter(text, fn) end
  end
  return name, parameters
end

-- ---- compiled code, kept --------------------------------------------------------------------------------

local VERSION = 1 -- of the files

-- Where code is kept from one run to the next; nil: nowhere.
local function folder()
  local base = os.getenv "CRESSET_CACHE"
  if base then return base ~= "" and base .. "/kernels" or nil end
  local cache, home = os.getenv "XDG_CACHE_HOME", os.getenv "HOME"
  if cache and cache ~= "" then return cache .. "/cresset/kernels" end
  return home and home ~= "" and home .. "/.cache/cresset/kernels" or nil
end

-- FNV-1a, of 64 bits.  A file holds its whole key, so two of one sum do no harm.
local function file_of(key)
  local sum = 0xcbf29ce484222325
  for i = 1, #key do sum = (sum ~ key:byte(i)) * 0x100000001b3 end
  local dir = folder()
  return dir and ("%s/%016x"):format(dir, sum)
end

local function read_kept(key)
  local path = file_of(key)
  local f = path and io.open(path, "rb")
  if not f then return nil end
  local bytes = f:read "a"
  f:close()
  local ok, kept, name, code = pcall(string.unpack, "<s8s8s8", bytes or "")
  if ok and kept == key then return { name = name, code = code } end
end

-- A folder that cannot be written to is no error: the next run compiles again.
local function keep(key, image)
  local path = file_of(key)
  if not path then return end
  pcall(function()
    require("paths").mkdir(folder(), true)
    local save = require "formats.save"
    save.whole("torch.cuda.compile", path, function(stream)
      save.put(stream, string.pack("<s8s8s8", key, image.name, image.code))
    end)
  end)
end

-- ---- compiling ------------------------------------------------------------------------------------------

local function check_options(options, fn)
  local list = {}
  for i, option in ipairs(options.options or {}) do
    if type(option) ~= "string" then raise("%s: option %d is a %s, wanted a string", fn, i, type(option)) end
    list[i] = option
  end
  for _, path in ipairs { os.getenv "CUDA_HOME" or "", os.getenv "CUDA_PATH" or "", "/usr/local/cuda" } do
    local f = path ~= "" and io.open(path .. "/include/cuda_fp16.h")
    if f then
      f:close()
      list[#list + 1] = "-I" .. path .. "/include"
      break
    end
  end
  return list
end

return function(cuda, control)
  local images = {} -- key -> { name, code }, of this process

  -- The code for a device.
  local function compiled(fn, source, name, file, list, device)
    local version, capability = control.compiler(device)
    local key = table.concat({ VERSION, version, capability, name, file, table.concat(list, "\1"), source },
      "\0")
    local image = images[key] or read_kept(key)
    if not image then
      local in_code, code = control.compile(device, source, file, name, list)
      if not in_code then raise("%s: %s does not compile:\n%s", fn, file, code) end
      image = { name = in_code, code = code }
      keep(key, image)
    end
    images[key] = image
    return image.name, image.code
  end

  --- torch.cuda.compile(source [, name] [, options])
  --
  -- Compiles a kernel written in CUDA C++ and gives it as a value to be called:
  --
  --     kernel(grid, block, ...)
  --
  -- starts it on the current stream, with as many blocks as grid says and as many threads in each as block
  -- says, both a number or { x, y, z }; a block { x, y, z, shared = bytes } asks for dynamic shared memory.
  -- Then come the kernel's own arguments: for a pointer a contiguous tensor of the elements that the pointer
  -- has, all on one device, or nil; for a number a number.  Pointers to const are only read; tensors behind
  -- other pointers count as changed.  kernel:info() tells what it needs of a device.  In the forward and
  -- backward of a torch.Function kernels take part in gradients.
  --
  -- The code is kept in $CRESSET_CACHE/kernels, $XDG_CACHE_HOME/cresset/kernels or ~/.cache/cresset/kernels,
  -- so that the next run need not compile it; CRESSET_CACHE="" keeps none.  Headers such as cuda_fp16.h are
  -- found in $CUDA_HOME, $CUDA_PATH or /usr/local/cuda.
  --
  -- source: string
  -- name: string: the kernel's, as "add", or "add<float>" of a template; not needed where there is only one
  -- options: table: options, a list of strings for the compiler, as { "-DN=4", "--use_fast_math" }; file,
  --   the name that messages have for the source, "kernel.cu"
  -- Returns: the kernel
  -- Errors: there is no CUDA device or no compiler (libnvrtc); the source does not compile: the message has
  --   what the compiler said; a parameter by value is no number
  -- From: PyTorch's torch.cuda._compile_kernel, CuPy's RawKernel
  return function(source, name, options)
    local fn = "torch.cuda.compile"
    if type(name) == "table" and options == nil then name, options = nil, name end
    options = options or {}
    for _, argument in ipairs { { "source", source, "string" }, { "name", name or "", "string" },
      { "options", options, "table" } } do
      local what, value, wanted = table.unpack(argument)
      if type(value) ~= wanted then raise("%s: %s is a %s, wanted a %s", fn, what, type(value), wanted) end
    end
    local parameters
    name, parameters = signature(source, name, fn)
    local list, file = check_options(options, fn), options.file or "kernel.cu"
    local function load(device) return compiled(fn, source, name, file, list, device) end
    load(cuda.getDevice()) -- errors come now
    return control.kernel(name, parameters, load)
  end
end
