-- random_input: prints lines that somebody might type, good, broken and hostile, for run_random_input.
--
--   cresset tests/vm/random_input.lua SEED LINES [pty]
--
-- Nothing in them ends the program: os.exit is wrapped, there is no endless loop, no kill.  With `pty` they
-- are such as a terminal takes: printable, and no longer than a line of it.

local seed, count, pty = tonumber(arg[1]), tonumber(arg[2]), arg[3] == "pty"
math.randomseed(seed)
local random = math.random

local function pick(list) return list[random(#list)] end

local names = { "a", "b", "c", "d", "x", "y", "z", "t", "f", "s" }
local function name() return pick(names) end

-- ---- values and expressions ---------------------------------------------------------------------------

local strings = { "''", "'abc'", "\"\\0\\255\\n\"", "'%d %s'", "'<eof>'", "[[ long ]]", "[==[ ]] ]==]",
  "'\\27[31m'",
  "'%'", "('x'):rep(300)", "'\\u{1F600}'" }
local numbers = { "0", "1", "-1", "2^53", "1e308", "0/0", "1/0", "math.mininteger", "0x7fffffffffffffff",
  "1e-300",
  "3.7", "12" }
local objects = { "nil", "true", "false", "print", "{}", "{1,2,3}", "{a=1,[2]={3}}", "_G", "io.stdout",
  "coroutine.create(print)", "torch", "torch.ones(2,3)", "torch.zeros(0)", "torch.LongTensor{1,2}",
  "string", "_",
  "_1", "__", "arg", "torch.ones(2):requireGrad()" }

local expression
local function value()
  local k = random(10)
  if k <= 3 then return name() end
  if k <= 5 then return pick(strings) end
  if k <= 7 then return pick(numbers) end
  return pick(objects)
end

local operators = { "+", "-", "*", "/", "//", "%", "^", "..", "==", "~=", "<", "<=", "and", "or", "&", "|",
  "~",
  "<<", ">>" }
local calls = { "tostring(%s)", "#(%s)", "-(%s)", "not %s", "type(%s)", "pcall(%s)", "select('#', %s)",
  "(%s).x",
  "(%s)[1]", "(%s):sum()", "torch.type(%s)", "getmetatable(%s)", "tonumber(%s)", "next(%s)",
  "torch.isTensor(%s)",
  "string.format('%%s', %s)", "pcall(error, %s)", "rawlen(%s)", "{%s}", "{k=%s}", "math.floor(%s)", "(%s)()",
  "coroutine.wrap(function() return %s end)()", "load('return ' .. tostring(%s))", "torch.serialize(%s)" }
function expression(depth)
  depth = depth or 3
  local k = random(6)
  if depth == 0 or k <= 2 then return value() end
  if k <= 4 then return expression(depth - 1) .. " " .. pick(operators) .. " " .. expression(depth - 1) end
  local form = pick(calls)
  local inner = expression(depth - 1)
  return (form:gsub("%%s", function() return inner end, 1):gsub("%%%%", "%%"))
end

local ops = { "torch.mm(torch.ones(%d,%d), torch.ones(%d,%d))", "torch.ones(%d,%d) + torch.ones(%d,%d)",
  "torch.ones(%d,%d):view(%d,%d)", "torch.cat(torch.ones(%d,%d), torch.ones(%d,%d), 1)",
  "torch.ones(%d,%d):narrow(1,%d,%d)", "torch.ones(%d,%d)[{%d,%d}]", "torch.ones(%d,%d):select(%d,%d)" }
local function tensor_line()
  return pick(ops):format(random(0, 4), random(0, 4), random(0, 4), random(0, 4))
end

local statements = {
  function() return name() .. " = " .. expression() end,
  function() return "local " .. name() .. " = " .. expression() end,
  function() return "for i = 1, " .. random(20) .. " do " .. name() .. " = " .. expression(1) .. " end" end,
  function() return "if " .. expression() .. " then return " .. expression() .. " end" end,
  function() return "function " .. name() .. "(...) return " .. expression() .. ", ... end" end,
  function() return "print(" .. expression() .. ")" end,
  function() return "return " .. expression() .. ", " .. expression() end,
  function() return expression() .. ";" end,
  function() return "= " .. expression() end,
  function() return "do local " .. name() .. " <close> = " .. expression() .. " end" end,
  function() return "goto " .. name() end,
  function() return "break" end,
  tensor_line,
}

local function statement() return pick(statements)() end

-- ---- broken ---------------------------------------------------------------------------------------------

local pieces = { "end", "do", "(", ")", "{", "}", "[", "]", "function", "=", "==", "..", "...", "'", '"',
  "then", "if",
  "return", "local", ",", ";", "::", "goto", "#", "%", "?", "~", "\\", "@", "!", "`", "$x", "--", "0x",
  "1e", "nil" }
local function soup()
  local list = {}
  for i = 1, random(12) do list[i] = random(3) == 1 and expression(1) or pick(pieces) end
  return table.concat(list, " ")
end

local function bytes()
  local list = {}
  for i = 1, random(60) do
    local b = pty and random(32, 126) or random(1, 255)
    list[i] = (b == 10 or b == 13) and " " or string.char(b)
  end
  return table.concat(list)
end

local function cut()
  local s = statement():gsub("\n", " ")
  return s:sub(1, random(#s))
end

-- Whatever a line left open, this is no way to go on.
local closer = "]] ]=] ]==] ]===] = = )"

-- ---- hostile --------------------------------------------------------------------------------------------

local raisers = { "error('r')", "error()", "error({})",
  "error(setmetatable({}, {__tostring = function() error('t') end}))",
  "error(print)", "error(io.stdout)", "error(torch.ones(2))", "error(coroutine.running())", "error(12)",
  "error('x', 2)", "error('x', 100)", "error(setmetatable({}, {__tostring = function() return {} end}))",
  "local x = nil + 1",
  "error(('e'):rep(10000))", "coroutine.yield(1)", "return nil .. 'x'", "error(false)", "error(0/0)",
  "error('a\\nb\\nstack traceback:')" }
local events = { "__tostring", "__index", "__newindex", "__call", "__len", "__eq", "__lt", "__le",
  "__concat", "__close",
  "__gc", "__name", "__metatable", "__pairs", "__unm", "__mode", "__add" }

local function hostile_table()
  local list = {}
  for i = 1, random(4) do
    list[i] = pick(events) .. " = " .. (random(5) == 1 and expression(1) or "function(...) "
      .. pick(raisers) .. " end")
  end
  return "setmetatable({" .. expression(1) .. "}, {" .. table.concat(list, ", ") .. "})"
end

local globals = { "print", "tostring", "string.format", "string.find", "string.match", "string.gsub",
  "string.sub",
  "string.rep", "require", "_G", "pairs", "ipairs", "next", "type", "pcall", "error", "load", "setmetatable",
  "getmetatable", "rawget", "rawset", "select", "table.concat", "table.sort", "table.pack", "table.unpack",
  "math.max",
  "math.min", "math.type", "io.write", "io.popen", "io.stdout", "os.getenv", "debug.getmetatable",
  "debug.getinfo",
  "utf8.len", "string", "table", "math", "io", "os", "coroutine", "utf8", "torch", "package.loaded",
  "package.path",
  "package.searchers", "package.loaded['cresset.repl']", "package.loaded['cresset.pretty']", "_", "__",
  "_RESULTS", "_LAST",
  "torch.type", "torch.isTensor", "arg", "collectgarbage", "warn", "xpcall", "torch.Tensor", "_VERSION" }
local replacements = { "nil", "false", "error", "function() local x = nil + 1 end",
  "function(...) return ... end", "{}", "1",
  "'text'", "setmetatable({}, {__index = error, __call = error})", "coroutine.create(error)" }

-- Libraries that walk through tables and classes never end where these give back what they get.  Ctrl-C ends
-- that, but nobody presses it here.
local walkers = { next = true, rawget = true, ["debug.getmetatable"] = true }
local function replacement()
  local global, by = pick(globals), pick(replacements)
  local endless = walkers[global] and by:find("return ...", 1, true)
  return global .. " = " .. (endless and "nil" or by)
end

local objects_of_c = { "io.stdout", "torch.ones(2)", "torch.FloatStorage(2)", "coroutine.running()",
  "torch.Generator()", "print", "math.random", "('x'):gmatch('.')", "io.lines('/dev/null')" }

local hostile = {
  hostile_table,
  function() return "_ = " .. hostile_table() end,
  function() return "{" .. hostile_table() .. "}" end,
  function() return pick(raisers) end,
  function() return "pcall(function() " .. pick(raisers) .. " end)" end,
  function() return "coroutine.wrap(function() " .. pick(raisers) .. " end)()" end,
  function() return "coroutine.resume(coroutine.create(function() " .. pick(raisers) .. " end))" end,
  function()
    return "xpcall(function() " .. pick(raisers) .. " end, function() " .. pick(raisers) .. " end)"
  end,
  replacement,
  replacement,
  function() return "setmetatable(_G, {__index = function() " .. pick(raisers) .. " end})" end,
  function() return "setmetatable(_G, {__newindex = function() " .. pick(raisers) .. " end})" end,
  function() return "setmetatable(_G, nil)" end,
  function() return "getmetatable('').__index = " .. pick(replacements) end,
  function()
    return "debug.setmetatable('', " .. pick { "nil", "{}", "{__index = error}", "{__index = string}" } .. ")"
  end,
  -- Not __call: an `error` that is missing would call itself, in its own handler too, for a very long time.
  function()
    return ("debug.setmetatable(%s, {%s = function() %s end})"):format(pick { "nil", "1", "true", "print" },
      pick { "__tostring", "__index", "__add", "__len", "__name", "__close", "__gc", "__lt" }, pick(raisers))
  end,
  function() return "debug.setmetatable(" .. pick { "nil", "1", "true", "print" } .. ", nil)" end,
  function()
    return ("debug.sethook(function() %s end, '%s', %d)"):format(pick(raisers), pick { "l", "c", "r", "",
  "lcr" },
      random(0, 3))
  end,
  function() return "coroutine.wrap(function() debug.sethook(print, 'l') end)()" end,
  function() return "local s = 'x' for i = 1, 15 do s = s .. s end return #s" end,
  function() return "return table.unpack({}, 1, " .. pick { "10", "300", "1e7", "1e8" } .. ")" end,
  function() return "torch.zeros(2^40)" end,
  function() return ("("):rep(random(300)) .. "1" .. (")"):rep(random(300)) end,
  function() return "return " .. ("{"):rep(250) .. ("}"):rep(250) end,
  function() return "local t = {} t.t = t t[t] = t return t" end,
  function() return "local t = {} for i = 1, 300 do t = {t} end return t" end,
  function() return "local t = {} for i = 1, 300 do t[i] = {i, tostring(i)} end return t" end,
  function() return "table.sort({3, 1, 2, 5, 4}, function() " .. pick(raisers) .. " end)" end,
  function() return "table.sort({3, 1, 2, 5, 4, 7, 6}, function() return true end)" end,
  function() return "('a'):gsub('.', function() " .. pick(raisers) .. " end)" end,
  function() return "string.format('%d', 'x')" end,
  function() return "string.rep" end,
  function() return "io.output('/dev/null')" end,
  function() return "io.stdout:close()" end,
  function() return "io.stderr:write('')" end,
  function() return "io.stdout:seek('set', -1)" end,
  function() return "io.lines('/no/such/file')" end,
  function() return "require '" .. pick { "no.such", "nn", "cresset.repl", "help", "" } .. "'" end,
  function()
    return "collectgarbage('" .. pick { "collect", "step", "incremental", "generational", "count" } .. "')"
  end,
  function() return "debug.getinfo(" .. pick { "1", "2", "print", "99", "'x'" } .. ")" end,
  function() return "debug.getlocal(1, 1)" end,
  function() return "debug.traceback(" .. pick { "", "nil", "{}", "'m'", "print", "'m', 5" } .. ")" end,
  function() return "os.setlocale('" .. pick { "C", "nonsense", "" } .. "')" end,
  function() return "os.time({})" end,
  function() return "warn('@" .. pick { "on", "off" } .. "')" end,
  function() return "torch.setmemorylimit(" .. pick { "0", "0", "1", "-1", "'x'" } .. ")" end,
  function() return "torch.profile(function() " .. pick(raisers) .. " end)" end,
  function() return "for i = 1, 100 do " .. name() .. " = torch.ones(100) end" end,
  function()
    local form = pick { "os.exit(%d)", "pcall(os.exit, %d)", "coroutine.wrap(os.exit)(%d)",
      "setmetatable({}, {__gc = function() os.exit(%d) end})", "xpcall(os.exit, print, %d)" }
    return form:format(random(9))
  end,
  -- Finalizers and what is closed.
  function()
    return ("for i = 1, %d do setmetatable({}, {__gc = function() %s %s end}) end %s"):format(random(9),
      pick { "", "collectgarbage()", "collectgarbage('step')", "x = {}" }, pick(raisers),
      pick { "", "collectgarbage()" })
  end,
  function()
    local form = "setmetatable({}, {__gc = function(o) %s = o setmetatable(o, getmetatable(o)) end})"
    return form:format(name())
  end,
  function()
    return ("do local c <close> = setmetatable({}, {__close = function() %s end}) %s end"):format(
      pick(raisers), pick(raisers))
  end,
  function()
    return ("local c = coroutine.create(function() local c <close> = setmetatable({}, {__close = function() "
      .. "%s end}) coroutine.yield() end) coroutine.resume(c) return coroutine.close(c)"):format(
      pick(raisers))
  end,
  -- Bytecode that nobody asked for.
  function() return "load(string.dump(function() return 1 end))()" end,
  function() return ("return load('\\27Lua' .. ('\\%d'):rep(%d))"):format(random(0, 255), random(100)) end,
  -- Recursions through C, which has less room than Lua.
  function()
    return ("local function r(n) if n > 0 then return pcall(r, n - 1) end %s end return r(%d)"):format(
      pick(raisers), random(250))
  end,
  function()
    return ("local function r(s) return s:gsub('.', r) end %s"):format(pick { "r('x')", "pcall(r, 'x')" })
  end,
  function() return "local t = {} for i = 1, 3000 do t = setmetatable({}, {__index = t}) end return t.x" end,
  -- The debug library on what is C's.
  function()
    return ("debug.%s(%s, %d, %s)"):format(pick { "setupvalue", "setuservalue", "upvaluejoin", "setlocal" },
      pick(objects_of_c), random(0, 3), pick { "nil", "'x'", "{}", "print", "print, 1" })
  end,
  function()
    return ("debug.setmetatable(%s, debug.getmetatable(%s))"):format(pick(objects_of_c), pick(objects_of_c))
  end,
  function() -- without its finalizer, a class of C's would leak
    local form = "for k in next, m or {} do if k ~= '__gc' then m[k] = %s end end"
    return ("local m = debug.getmetatable(%s) " .. form):format(
      pick { "('x'):gmatch('.')", "torch.Generator()" }, pick { "nil", "error", "1" })
  end,
  function()
    return ("local f = (debug.getmetatable(%s) or {}).%s return f and f(%s)"):format(pick(objects_of_c),
      pick { "__gc", "__close", "__index", "__tostring", "__len" }, pick(objects_of_c))
  end,
  function() return "for k in next, debug.getregistry() do debug.getregistry()[k] = nil end" end,
  function() return "_ENV = nil" end,
  function() return "local _ENV = {} x = 1" end,
}

-- What takes long even where it ends well.
local slow = {
  function() return "local function r() return 1 + r() end r()" end,
  function() return "return ('x'):rep(1 << 45)" end,
  function() return "torch.zeros(2^20):sum()" end,
  function() return "setmetatable({}, {__index = function(t, k) return t[k] end}).x" end,
  function() return "return #table.pack(table.unpack({}, 1, 200000))" end,
  function() return "local t = {} for i = 1, 1e6 do t[i] = {} end" end,
  function() return "x = ('x'):rep(1e7)" end,
}

-- ---- commands -------------------------------------------------------------------------------------------

local arguments = { "", "x", "_G", "1", "-1", "''", "no/such/file", "/", "x y z", "nil", "%", "on", "off",
  "reset",
  "return", "error('c')", "1 + 1", "torch.ones", "nn.Linear", "string.rep", "((", "[[", "print" }
local commands = { "%who", "%reset x", "%save", "%load", "%run", "%cd", "%history", "%set", "%time", "%mem",
  "%source",
  "%doc", "?", "??", "%nonsense", "%", "%timeit -n 1 -r 1", "%timeit -n 0", "%set depth", "%set results",
  "%set most" }
local function command()
  local c = pick(commands)
  if c == "%save" then return c .. " " .. pick { "", "/no/such/file", "/dev/null x", "/dev/full x" } end
  if c == "%cd" then return c .. " " .. pick { "/no/such/folder", ".", "x y" } end
  if c == "%history" or c == "%set depth" or c == "%set results" or c == "%set most" then
    return c .. " " .. pick { "3", "x", "-1", "1" }
  end
  if c == "%set" then return c .. " " .. pick { "", "x", "colour maybe", "depth 3" } end
  return c .. " " .. pick(arguments)
end

-- ---- lines ----------------------------------------------------------------------------------------------

-- What a hostile line has taken away is put back now and then, so that the others have something to work
-- with.
local save = "SAVED = SAVED or (function() local t = {} for k, v in next, _G do t[k] = v end "
  .. "t.strings = {} for k, v in next, string do t.strings[k] = v end "
  .. "t.searchers = package.searchers os.exit = function() error('os.exit') end return t end)()"
local restore = "local S = SAVED if S then S.debug.setmetatable('', {__index = S.string}) "
  .. "S.debug.setmetatable(nil, nil) "
  .. "S.debug.setmetatable(1, nil) S.debug.setmetatable(true, nil) S.debug.setmetatable(S.print, nil) "
  .. "S.setmetatable(S._G, nil) for k, v in S.next, S do "
  .. "if k ~= 'strings' and k ~= 'searchers' then S.rawset(S._G, k, v) end end "
  .. "S.package.searchers = S.searchers "
  .. "for k, v in S.next, S.strings do S.string[k] = v end S.collectgarbage('generational') "
  .. "S.torch.setmemorylimit(0) S.io.output(S.io.stdout) end"

local function line()
  local k = random(100)
  if k <= 40 then return statement() end
  if k <= 50 then return soup(), true end
  if k <= 56 then return bytes(), true end
  if k <= 64 then return cut(), true end
  if k <= 95 then return pick(random(5000) == 1 and slow or hostile)() end
  if random(3) > 1 then return tensor_line() end
  return command()
end

print(save)
-- Each once: what they take at most is taken from here on.
for _, make in ipairs(slow) do print(make()) end
local n = #slow
while n < count do
  local text, open = line()
  text = text:gsub("[\r\n]", " ")
  local command_line = text:find "^%s*[%$?]"
      or text:find "^%s*exit" or text:find "^%s*quit" or text:find "os%.exit"
  if not (open and command_line) and (not pty or #text < 900) then
    print(text)
    n = n + 1
    -- A text that goes on in the next line is ended: by itself it would take in all that follows.
    if open or not load(text) then
      print(closer)
      n = n + 1
    end
    if random(40) == 1 then
      print(restore)
      n = n + 1
    end
  end
end
print(restore)
print(restore)
