-- test_help: reading doc comments, and finding and showing them.
local torch = require "torch"
local comments = require "help.comments"
local help = require "help"

local tester = torch.Tester()
local tests = torch.TestSuite()

local c_source = [[
/* not one */
/** torch.narrow(x, dim, first [, size])
 *  x:narrow(dim, first [, size])
 *
 *  The part of x from `first` on.  It shares
 *  x's elements.
 *
 *  A second paragraph.
 *
 *  x: tensor
 *  dim, first: integers, and a line
 *     more
 *  Returns: a view
 *  Example:
 *    x = torch.range(1, 6)
 *    if x then
 *      x:narrow(1, 2, 3):sum() --> 9
 *    end
 */
static int f_narrow(lua_State *L) {
/** torch.one(): in a line */
/** torch.up([res,] x); torch.down([res,] x)
 *  x:up(); x:down()
 *
 *  Both; one after the other.
 *
 *  res: one of these:
 *    high: up
 *    low: down
 */
]]

function tests.globals_are_found()
  for _, what in ipairs { "breakpoint", rawget(_G, "breakpoint") } do
    tester:eq(help.find(what)[1] and help.find(what)[1].names, { "breakpoint" })
  end
  local list = comments.parse("--- found(x [, y])\n--\n-- A global.\n--\n-- x: number\n", "a.lua")
  tester:eq(list[1].names, { "found" })
  tester:eq(list[1].signatures, { "found(x [, y])" })
  tester:eq(list[1].fields[1].name, "x")
end

function tests.c_comment()
  local list = comments.parse(c_source, "a_lua.c")
  tester:eq(#list, 3)
  local e = list[1]
  tester:eq(e.names, { "torch.narrow", "torch.Tensor:narrow" })
  tester:eq(e.signatures, { "torch.narrow(x, dim, first [, size])", "x:narrow(dim, first [, size])" })
  tester:eq(e.summary, "The part of x from `first` on.")
  tester:eq(e.text, "The part of x from `first` on.  It shares x's elements.\n\nA second paragraph.")
  tester:eq(e.line, 2)
  tester:eq(#e.fields, 3)
  tester:eq(e.fields[2], { name = "dim, first", text = "integers, and a line more" })
  tester:eq(e.fields[3], { name = "Returns", text = "a view" })
  tester:eq(e.example, "x = torch.range(1, 6)\nif x then\n  x:narrow(1, 2, 3):sum() --> 9\nend")
  tester:eq(list[2].names, { "torch.one" })
  tester:eq(list[2].text, "in a line")
  tester:eq(list[3].names, { "torch.up", "torch.down", "torch.Tensor:up", "torch.Tensor:down" })
  tester:eq(list[3].signatures, { "torch.up([res,] x)", "torch.down([res,] x)", "x:up()", "x:down()" })
  tester:eq(list[3].text, "Both; one after the other.")
  tester:eq(list[3].fields, { { name = "res", text = "one of these: high: up; low: down" } })
end

local lua_source = [[
-- not one
---- nor this
local Timer = torch.class("torch.Timer", torch)
--- Makes one.
function Timer:__init(a)
end
--- Stops it.
-- Errors: never
function Timer:stop()
end
--- nn.Linear(a [, b]): a layer.
function Linear:__init(a, b)
end
--- A constant: text.
data.limit = 3
--- About nothing public.
local function private()
end
]]

function tests.lua_comment()
  local list = comments.parse(lua_source, "a.lua")
  tester:eq(#list, 4)
  tester:eq(list[1].names, { "torch.Timer" })
  tester:eq(list[1].signatures, { "torch.Timer(a)" })
  tester:eq(list[2].names, { "torch.Timer:stop" })
  tester:eq(list[2].fields, { { name = "Errors", text = "never" } })
  tester:eq(list[3].names, { "nn.Linear" })
  tester:eq(list[3].text, "a layer.")
  tester:eq(list[4].names, { "data.limit" })
end

function tests.damaged_comments()
  for cut = 1, #c_source do comments.parse(c_source:sub(1, cut), "a.c") end
  for cut = 1, #lua_source do comments.parse(lua_source:sub(1, cut), "a.lua") end
  tester:eq(#comments.parse("", "a.lua"), 0)
end

function tests.find()
  tester:eq(help.find("torch.histc")[1].names[1], "torch.histc")
  tester:eq(help.find("histc")[1].names[1], "torch.histc")
  tester:eq(help.find(torch.histc)[1].names[1], "torch.histc")
  tester:eq(help.find(torch.Timer)[1].names[1], "torch.Timer")
  tester:eq(help.find(torch.Timer())[1].names[1], "torch.Timer")
  tester:eq(#help.find "no such name", 0)
  tester:eq(#help.find(print), 0)
  tester:assert(#help.search "rows" > 0)
end

function tests.show()
  local text = help.text(help.find("torch.histc")[1])
  tester:assert(text:find("torch.histc(", 1, true) == 1, text)
  tester:assert(text:find("Example:", 1, true) ~= nil)
  for line in text:gmatch("[^\n]+") do tester:assert(#line <= 100, line) end
end

tester:add(tests):run()
