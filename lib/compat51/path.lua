-- path.lua: the global `path` that th's scripts find, of the library Penlight, or of ours where that is
-- missing.  Where Penlight is, th loads it, and all of its modules are globals.

if package.searchpath("pl", package.path) then pcall(require, "pl") end

return require "pl.path"
