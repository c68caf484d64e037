-- ffi: what scripts ask LuaJIT's FFI about the machine.  C functions and pointers it cannot give: an
-- interpreter of plain Lua has no such thing.

local system = require "paths._system"

local name = system.uname()
local ffi = { os = name == "Darwin" and "OSX" or name, arch = "x64" }

local kind = select(3, system.uname())
if kind == "aarch64" or kind == "arm64" then ffi.arch = "arm64" end

--- ffi.abi(what): whether the machine is as described.
--
-- what: string: "64bit", "32bit", "le", "be", "fpu", "hardfp"
-- Returns: true or false
-- From: LuaJIT
-- Example:
--   require("ffi").abi "64bit" --> true
function ffi.abi(what)
  local little = string.pack("=I2", 1) == "\1\0"
  local known = { ["64bit"] = string.packsize "T" == 8, ["32bit"] = string.packsize "T" == 4, le = little,
    be = not little, fpu = true, hardfp = true }
  return known[what] == true
end

for _, f in ipairs { "cdef", "load", "new", "cast", "typeof", "metatype", "gc", "sizeof", "alignof",
  "offsetof", "istype", "string", "copy", "fill", "errno" } do
  ffi[f] = function()
    error(("ffi.%s: there is no FFI outside LuaJIT; use tensors' methods, or a module in C"):format(f), 2)
  end
end

ffi.C = setmetatable({}, {
  __index = function(_, key)
    error(("ffi.C.%s: there is no FFI outside LuaJIT; use tensors' methods, or a module in C"):format(key), 2)
  end,
})

return ffi
