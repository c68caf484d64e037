-- patterns: what the functions of strings give for patterns made at random, as one text for each batch.

-- luacheck: new globals batch, max line length 130

local state

-- An integer from 1 to n, the same in every interpreter.
local function draw(n)
  state = (state * 6364136223846793005 + 1442695040888963407) & math.maxinteger
  return (state >> 33) % n + 1
end

local items = { "a", "b", "c", ".", "%a", "%d", "%S", "%w", "%z", "%.", "[ab]", "[^a]", "[a-c]", "[%a-]", "[]a]", "[^]]",
  "(", ")", "()", "(", ")", "%1", "%2", "%0", "%b()", "%bab", "%f[%w]", "%f[^a]", "^", "$", "*", "+", "-", "?", "*", "+",
  "-", "?", "%", "[", "]", "%f", "%b", "%bx", "[a", "[%", "[^", "\0", "[\0-b]", "x", " ", "1", "\255", "%U" }
local letters = { "a", "b", "c", "(", ")", "1", " ", "x", "\0", "\255", "-", "A", "a", "b", "]", "ab" }
local replacements = { "<%0>", "%1", "%2", "%%", "", "x", "%", "%x", "[%1%1]", 7 }

local function text(from, most)
  local parts = {}
  for i = 1, draw(most + 1) - 1 do parts[i] = from[draw(#from)] end
  return table.concat(parts)
end

local function show(...)
  local shown = table.pack(...)
  for i = 1, shown.n do shown[i] = type(shown[i]) == "string" and ("%q"):format(shown[i]) or tostring(shown[i]) end
  return table.concat(shown, ",")
end

local function all(s, p, init)
  local parts = {}
  for a, b, c in s:gmatch(p, init) do parts[#parts + 1] = show(a, b, c) end
  return table.concat(parts, ";")
end

function batch(seed, count)
  state = seed * 7919 + 1
  local lines = {}
  for i = 1, count do
    local p, s, init = text(items, 7), text(letters, 14), draw(10) - 4
    local t = replacements[draw(#replacements)]
    lines[i] = ("%q in %q from %d, %q: "):format(p, s, init, t) .. table.concat({
      show(pcall(string.find, s, p, init)), show(pcall(string.find, s, p, init, true)),
      show(pcall(string.match, s, p, init)), show(pcall(all, s, p, init)), show(pcall(string.gsub, s, p, t)),
      show(pcall(string.gsub, s, p, { a = "A", b = false, [1] = 5 }, 3)),
      show(pcall(string.gsub, s, p, function(...) if select("#", ...) > 1 then return (select(2, ...)) end end)),
    }, " | ")
  end
  return table.concat(lines, "\n")
end
