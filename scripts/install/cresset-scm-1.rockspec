-- For LuaRocks: `require "torch"` in a stock Lua 5.4, from a tree that is there:
--
--   luarocks --lua-version 5.4 make scripts/install/cresset-scm-1.rockspec
rockspec_format = "3.0"
package = "cresset"
version = "scm-1"
source = { url = "git+file://." } -- where this file lies; `luarocks make` fetches nothing
description = {
  summary = "Tensors, automatic differentiation and neural networks in the manner of Torch7",
  license = "MIT",
}
supported_platforms = { "linux" }
dependencies = { "lua ~> 5.4" }
build = {
  type = "make",
  build_target = "rock",
  install_target = "install-rock",
  install_variables = { CMODDIR = "$(LIBDIR)" },
}
