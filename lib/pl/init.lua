-- pl: a part of Penlight's modules, where that library is not installed; one that is goes first.
-- `require "pl"` makes the modules globals, except where a global of that name is there.

for _, name in ipairs { "utils", "path", "stringx", "tablex", "file", "dir", "pretty", "lapp" } do
  if rawget(_G, name) == nil then rawset(_G, name, require("pl." .. name)) end
end

return {}
