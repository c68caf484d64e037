-- Tests of lib/compat51.  Outside th mode, first the names that Debian's Lua 5.4 keeps from older
-- versions are taken away, so that the module has to bring them itself.

local path = ...

local function without_old_names(lib)
  for _, name in ipairs { "pow", "sinh", "cosh", "tanh", "log10", "ldexp", "frexp", "mod" } do
    lib[name] = nil
  end
end

if not package.loaded.compat51 then without_old_names(math) end
local compat = path and dofile(path) or require "compat51"

-- The names, out of luacheck's sight, which knows 5.4's only.
local old = setmetatable({}, {
  __index = function(_, name)
    return rawget(_G, name) or math[name] or table[name] or string[name]
  end,
})

local function same(got, want)
  if got ~= want then
    error(("got %q, wanted %q"):format(tostring(got), tostring(want)), 2)
  end
end

local function close(got, want)
  if math.abs(got - want) > 1e-14 * math.abs(want) then
    error(("got %.17g, wanted %.17g"):format(got, want), 2)
  end
end

-- Numbers as text.
same(tostring(2.0), "2")
same(tostring(-0.5), "-0.5")
same(tostring(1e15), "1e+15")
same(tostring(3), "3")
same(tostring(1 / 0), "inf")
same(tostring("x"), "x")
same(tostring(nil), "nil")
assert(not pcall(tostring))
same(string.format("%d", 2.5), "2")
same(string.format("%d %i", -2.5, 7.9), "-2 7")
same(("%5d|%-4d|%03d"):format(1.5, 2.5, 3.5), "    1|2   |003")
same(string.format("%x", 255.9), "ff")
same(string.format("%u", 3.2), "3")
same(string.format("%c", 65.5), "A")
same(string.format("%d", "12"), "12")
same(string.format("%d", 0 / 0), "-9223372036854775808")
same(string.format("%d", 1e300), "-9223372036854775808")
same(string.format("%s %s %s", 2.0, "a", 3), "2 a 3")
same(string.format("%.2f%%", 12.345), "12.35%")
same(string.format("%5.1f %g", 2, 0.5), "  2.0 0.5")
same(string.format("plain"), "plain")
same(string.format("%s", setmetatable({}, { __tostring = function() return "obj" end })), "obj")
assert(not pcall(string.format, "%d", "x"))
assert(not pcall(string.format, "%d"))
assert(not pcall(string.format))
for i = 1, 1200 do same(string.format("%d:" .. i, i + 0.5), i .. ":" .. i) end
same(table.concat({ 1.0, 2, "x" }, "-"), "1-2-x")
same(table.concat({ 1.5, 2.0, 3.0 }, ",", 2), "2,3")
same(table.concat({}), "")

-- Names.
local a, b, c = old.unpack({ 1, 2, 3 }, 2)
assert(a == 2 and b == 3 and c == nil)
same(old.loadstring("return 1 + 1")(), 2)
same(select(2, old.loadstring("x = = 1", "=name")):match("^name:1:"), "name:1:")
same(old.pow(2, 10), 1024)
close(old.sinh(1), 1.1752011936438014)
close(old.sinh(1e-6), 1.0000000000001666e-6)
close(old.cosh(1), 1.5430806348152437)
close(old.tanh(0.5), 0.46211715726000975)
close(old.tanh(1e-6), 9.999999999996667e-7)
same(old.tanh(1000), 1.0)
same(old.tanh(-1000), -1.0)
close(old.log10(1000), 3)
same(old.ldexp(0.5, 4), 8)
for _, x in ipairs { 1, 8, 0.1, -3.75, 1e300, 5e-324, 2 ^ -1022, 2 ^ 1023, 1.7976931348623157e308 } do
  local m, e = old.frexp(x)
  assert(math.abs(m) >= 0.5 and math.abs(m) < 1, x)
  same(m * 2.0 ^ (e // 2) * 2.0 ^ (e - e // 2), x)
end
same(old.frexp(0), 0)
same(old.mod(7, 3), 1)
same(old.getn { 1, 2 }, 2)
same(old.maxn { [3] = 1, [7.5] = 1 }, 7.5)
local seen = 0
old.foreachi({ 1, 2, 3 }, function(_, v) seen = seen + v end)
old.foreach({ x = 4 }, function(_, v) seen = seen + v end)
same(seen, 10)
local words = {}
for w in old.gfind("a b", "%a") do words[#words + 1] = w end
same(#words, 2)

-- Fractions where Lua 5.4 wants an integer.
math.randomseed(123.5)
local first = math.random(100)
math.randomseed(123.5)
same(math.random(100), first)
for _ = 1, 100 do
  local r = math.random(1, 2.9)
  assert(r == 1 or r == 2)
end
assert(math.random() < 1)
same(("hello"):sub(1.9, 2.5), "he")
same(("hello"):sub(2), "ello")
same(("ab"):rep(2.7), "abab")
same(("ab"):rep(2, ","), "ab,ab")
same(compat.truncate(-2.7), -2)
same(os.execute("exit 3"), 3 * 256)
same(os.execute("true"), 0)

-- What must not be there.
assert(rawget(_G, "setfenv") == nil and rawget(_G, "jit") == nil)
assert(not pcall(require, "ffi"))

io.write("ok\n")
