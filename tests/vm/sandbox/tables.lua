-- tables: what Lua's table functions give for tables and ranges made at random, as one text for each batch.

-- luacheck: new globals batch, max line length 130

local state

local function draw(n)
  state = (state * 6364136223846793005 + 1442695040888963407) & math.maxinteger
  return (state >> 33) % n + 1
end

local function array(n, kind)
  local t = {}
  for i = 1, n do t[i] = kind == 1 and draw(1000) or kind == 2 and tostring(draw(1000)) or draw(50) / 2 end
  return t
end

local function with_metatable(t)
  return setmetatable({}, { __index = t, __newindex = function(_, k, v) t[k] = v end, __len = function() return #t end })
end

local function show(ok, ...)
  local shown = table.pack(...)
  for i = 1, shown.n do
    local v = shown[i]
    if type(v) == "table" then
      local parts = {}
      for k = -3, 30 do parts[#parts + 1] = tostring(v[k]) end
      v = "{" .. table.concat(parts, " ") .. "}"
    end
    shown[i] = tostring(v):gsub("bad argument #%d to '[^']*'", "bad argument") -- which names Lua's versions differ in
  end
  return tostring(ok) .. ":" .. table.concat(shown, ",", 1, math.min(shown.n, 40))
end

function batch(seed, count)
  state = seed * 104729 + 1
  local lines = {}
  for i = 1, count do
    local n = draw(20) == 1 and 10000 + draw(3000) or draw(12) - 1
    local t = array(n, draw(3))
    local proxy = draw(3) == 1 and with_metatable(t) or t
    local a, b, c = draw(n + 6) - 3, draw(n + 6) - 3, draw(n + 6) - 3
    local what = draw(7)
    local results
    if what == 1 then results = show(pcall(table.concat, proxy, draw(2) == 1 and "," or nil, a, b))
    elseif what == 2 then results = show(pcall(table.insert, proxy, a, "new"), t)
    elseif what == 3 then results = show(pcall(table.remove, proxy, a)) .. show(true, t)
    elseif what == 4 then results = show(pcall(table.move, proxy, a, b, c)) .. show(true, t)
    elseif what == 5 then results = show(pcall(table.unpack, proxy, a, b))
    elseif what == 6 then results = show(pcall(table.remove, proxy)) .. show(pcall(table.insert, proxy, 1)) .. show(true, t)
    else
      local less
      if draw(2) == 1 then less = function(x, y) return tostring(x) > tostring(y) end end
      results = show(pcall(table.sort, proxy, less)) .. show(true, t)
      if n > 0 then results = results .. tostring(t[n]) .. tostring(t[n // 2]) end
    end
    lines[i] = ("%d: %d elements, %d %d %d: %s"):format(what, n, a, b, c, results)
  end
  return table.concat(lines, "\n")
end
