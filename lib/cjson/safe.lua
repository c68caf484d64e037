-- safe: lua-cjson's calls that return nil and a message where cjson's raise an error.

local cjson = require "cjson"

local safe = {}
for name, value in pairs(cjson) do safe[name] = value end

local function guarded(f)
  return function(...)
    local ok, result = pcall(f, ...)
    if ok then return result end
    return nil, (tostring(result):gsub("^[^\n]-:%d+: ", ""))
  end
end

safe.encode, safe.decode = guarded(cjson.encode), guarded(cjson.decode)

return safe
