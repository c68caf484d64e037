-- serialize: values as messages with tensors of their own, as Torch7's default was.
local core = require "threads._core"

return {
  save = function(value) return core.pack(true, value) end,
  load = function(message) return core.unpack(core.pack(true, core.unpack(message, true))) end,
}
