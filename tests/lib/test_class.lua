-- test_class: torch.class and what goes with it.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local m = {} -- the package of the classes below

local Animal = torch.class("test_class.Animal", m)
function Animal:__init(name) self.name = name end
function Animal:speak() return self.name .. " makes a sound" end
local Dog, animal = torch.class("test_class.Dog", "test_class.Animal", m)
function Dog:__init(name) animal.__init(self, name .. " the dog") end
torch.class("test_class.Puppy", "test_class.Dog", m)

function tests.objects_and_inheritance()
  tester:assert(animal == Animal)
  local p = m.Puppy("Rex")
  tester:eq(p:speak(), "Rex the dog makes a sound")
  function Animal.late() return "late" end
  tester:eq(p.late(), "late")
  function m.Animal.later() return "through the constructor" end
  tester:eq(p.later(), "through the constructor")
  function Dog:speak() return self.name .. " barks" end
  tester:eq(p:speak(), "Rex the dog barks")
  tester:eq(m.Animal("Cat"):speak(), "Cat makes a sound")
  tester:eq(Dog.new("Bo").name, "Bo the dog")
  tester:eq(m.Dog.speak(p), "Rex the dog barks")
end

function tests.names()
  local p = m.Puppy("x")
  tester:eq(torch.typename(p), "test_class.Puppy")
  tester:eq(torch.type(p), "test_class.Puppy")
  tester:assert(torch.typename({}) == nil)
  tester:assert(torch.typename("text") == nil)
  tester:assert(torch.typename(m.Puppy) == nil)
  tester:eq(torch.type(m.Puppy), "table")
  tester:eq(torch.type(3), "number")
  tester:eq(torch.type(torch.FloatTensor(2)), "torch.FloatTensor")
  tester:eq(p.__typename, "test_class.Puppy")
end

function tests.isTypeOf()
  local p = m.Puppy("x")
  for _, spec in ipairs { "test_class.Puppy", "test_class.Dog", "test_class.Animal", m.Dog, Dog, "Animal$",
    "test_class%..*" } do
    tester:assert(torch.isTypeOf(p, spec))
  end
  for _, spec in ipairs { "test_class.Pup", "Dog", "test_class.Dogs" } do
    tester:assert(not torch.isTypeOf(p, spec))
  end
  tester:assert(not torch.isTypeOf(m.Animal("x"), m.Dog))
  tester:assert(not torch.isTypeOf(3, "number"))
  tester:assert(torch.isTypeOf(torch.FloatTensor(), "torch.*Tensor"))
  tester:assert(torch.isTypeOf(torch.FloatTensor(), torch.FloatTensor))
  tester:assertErrorPattern(function() torch.isTypeOf(p, {}) end, "isTypeOf")
end

function tests.registry()
  tester:assert(torch.getmetatable("test_class.Dog") == Dog)
  tester:assert(torch.getmetatable("no.such") == nil)
  tester:eq(torch.typename(torch.factory("test_class.Dog")()), "test_class.Dog")
  tester:assert(torch.factory("no.such") == nil)
  tester:assert(torch.getconstructortable("test_class.Dog") == m.Dog)
  tester:assert(torch.getconstructortable("torch.FloatTensor") == torch.FloatTensor)
  local t = torch.setmetatable({ name = "T" }, "test_class.Animal")
  tester:eq(t:speak(), "T makes a sound")
  tester:assertErrorPattern(function() torch.setmetatable({}, "no.such") end, "no class 'no%.such'")
end

function tests.global_classes()
  local Global = torch.class("TestClassGlobal")
  function Global:__init() self.made = true end
  tester:assert(_G.TestClassGlobal().made)
  _G.TestClassGlobal = nil
  _G.test_class_package = {}
  torch.class("test_class_package.Inner")
  tester:assert(_G.test_class_package.Inner() ~= nil)
  _G.test_class_package = nil
end

function tests.faults()
  tester:assertErrorPattern(function() torch.class("test_class.Dog", m) end,
    "test_class.lua:%d+: torch%.class: test_class%.Dog is already defined")
  tester:assertErrorPattern(function() torch.class("test_class.X", "no.such", m) end, "no class 'no%.such'")
  tester:assertErrorPattern(function() torch.class("nopackage.X") end, "no package 'nopackage'")
  for _, arguments in ipairs { {}, { 1 }, { "a", 1 }, { "a", {}, "b" }, { "a", "b", "c" } } do
    tester:assertErrorPattern(function() torch.class(table.unpack(arguments)) end, "expected")
  end
end

-- ---- events -------------------------------------------------------------------------------------------

local Vec = torch.class("test_class.Vec", m)
function Vec:__init(x) self.x = x end
torch.class("test_class.Vec2", "test_class.Vec", m)
torch.class("test_class.Vec3", "test_class.Vec2", m)

function tests.operators_are_inherited()
  -- in both spellings, also when they come after the classes below
  function Vec.__add(a, b) return m.Vec2(a.x + b.x) end
  function Vec.__mul__(a, b)
    return m.Vec2((type(a) == "number" and a or a.x) * (type(b) == "number" and b or b.x))
  end
  function Vec:__call__(y) return self.x + y end
  function Vec:__tostring__() return "<" .. self.x .. ">" end
  function Vec.__len() return 7 end
  function Vec.__eq(a, b) return a.x == b.x end
  function Vec.__lt__(a, b) return a.x < b.x end
  function Vec:__unm() return m.Vec3(-self.x) end
  function Vec.__concat(a, b) return tostring(a) .. "&" .. tostring(b) end
  for _, class in ipairs { "Vec", "Vec2", "Vec3" } do
    local a, b = m[class](2), m[class](3)
    tester:eq((a + b).x, 5)
    tester:eq((a * b).x, 6)
    tester:eq((2 * b).x, 6)
    tester:eq(a(10), 12)
    tester:eq(tostring(a), "<2>")
    tester:eq(#a, 7)
    tester:assert(a ~= b and a == m[class](2) and a < b)
    tester:eq(b < a, false)
    tester:eq((-a).x, -2)
    tester:eq(a .. "x", "<2>&x")
    tester:eq("x" .. a, "x&<2>")
  end
end

function tests.events_can_be_changed()
  local A = torch.class("test_class.A", m)
  local B = torch.class("test_class.B", "test_class.A", m)
  local C = torch.class("test_class.C", "test_class.B", m)
  function A.__call() return "A" end
  tester:eq(m.C()(), "A")
  function A.__call() return "A2" end
  tester:eq(m.C()(), "A2")
  function B.__call__() return "B" end
  tester:eq(m.C()(), "B")
  tester:eq(m.A()(), "A2")
  function C.__call() return "C" end
  tester:eq(m.C()(), "C")
  torch.class("test_class.D", "test_class.C", m)
  tester:eq(m.D()(), "C")
end

function tests.index_events()
  local P = torch.class("test_class.P", m)
  torch.class("test_class.Q", "test_class.P", m)
  function P:__init() rawset(self, "log", {}) end
  function P.__index__(_, key)
    if type(key) == "number" then return key * 2, true end
  end
  function P:__newindex__(key, value)
    if type(key) == "number" then
      self.log[key] = value
      return true
    end
  end
  function P.method() return "method" end
  for _, name in ipairs { "P", "Q" } do
    local p = m[name]()
    tester:eq(p[21], 42)
    tester:eq(p.method(), "method")
    tester:assert(p.nothing == nil)
    p[3], p.plain = "three", 1
    tester:assert(rawget(p, 3) == nil)
    tester:eq(p.log[3], "three")
    tester:eq(rawget(p, "plain"), 1)
  end
end

function tests.no_events_by_default()
  local p = m.Dog("x")
  tester:assertErrorPattern(function() return p() end, "attempt to call")
  tester:assertErrorPattern(function() return p + 1 end, "attempt to perform arithmetic")
  tester:eq(#p, 0)
  tester:assert(tostring(p):find("test_class%.Dog") ~= nil)
end

tester:add(tests):run()
