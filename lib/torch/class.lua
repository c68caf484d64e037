-- class: Torch7's class system.  A class is its metatable: methods are its fields, and its own
-- metatable leads to the parent.
--
-- Lua finds __index in a metatable by the ordinary chain, but looks the other events (__call, __add,
-- ...) up raw.  So when a class gets such an event, in either spelling, __call or Torch7's __call__,
-- every class below it gets a dispatching function that searches upwards at the time of the call: what
-- a parent defines or changes later is seen by its children.

local get_metatable = debug.getmetatable -- constructor tables hide theirs

local unary = { __unm = true, __bnot = true, __len = true, __tostring = true, __call = true,
  __close = true, __gc = true, __pairs = true }
local binary = { __add = true, __sub = true, __mul = true, __div = true, __mod = true, __pow = true,
  __idiv = true, __band = true, __bor = true, __bxor = true, __shl = true, __shr = true,
  __concat = true, __eq = true, __lt = true, __le = true }

local parents = setmetatable({}, { __mode = "k" })
local children = setmetatable({}, { __mode = "k" })
local dispatchers = {}

-- The function that class `mt` or the nearest above it has for an event.
local function handler(mt, event)
  local spelled, dispatch = event .. "__", dispatchers[event]
  while mt do
    local h = rawget(mt, spelled)
    if h ~= nil then return h end
    h = rawget(mt, event)
    if h ~= nil and h ~= dispatch then return h end
    mt = parents[mt]
  end
end

for event in pairs(unary) do
  dispatchers[event] = function(object, ...)
    return handler(get_metatable(object), event)(object, ...)
  end
end

for event in pairs(binary) do
  dispatchers[event] = function(a, b)
    local mt = get_metatable(a)
    local h = mt and handler(mt, event)
    if not h then h = handler(get_metatable(b), event) end
    return h(a, b)
  end
end

-- __index__ gives a value and true, or nothing; then the class is asked.
function dispatchers.__index(object, key)
  local mt = get_metatable(object)
  local value, found = mt.__index__(object, key)
  if found then return value end
  return mt[key]
end

-- __newindex__ gives true when it has stored the value.
function dispatchers.__newindex(object, key, value)
  if not get_metatable(object).__newindex__(object, key, value) then rawset(object, key, value) end
end

-- Puts the dispatcher for an event into a class and all below, where they have nothing of their own.
local function spread(mt, event)
  local own = rawget(mt, event)
  if own == nil or (event == "__index" and own == mt) then
    rawset(mt, event, dispatchers[event])
  end
  for child in pairs(children[mt] or {}) do spread(child, event) end
end

-- What a new field of a class does.
local function define(mt, key, value)
  rawset(mt, key, value)
  if value == nil or type(key) ~= "string" then return end
  local event = key:match("^(__%l+)__$")
  if event and dispatchers[event] then
    spread(mt, event)
  elseif unary[key] or binary[key] then
    for child in pairs(children[mt] or {}) do spread(child, key) end
  end
end

local function inherit_events(mt, parent)
  for event, dispatch in pairs(dispatchers) do
    if event == "__index" or event == "__newindex" then
      if parent[event .. "__"] ~= nil then rawset(mt, event, dispatch) end
    elseif handler(parent, event) ~= nil then
      rawset(mt, event, dispatch)
    end
  end
end

-- Foo(..) for local Foo = torch.class("Foo", {}).
local function make(mt, ...)
  local new = rawget(mt, "new")
  if not new then error(("torch.class: %s has no constructor"):format(tostring(mt.__typename)), 2) end
  return new(...)
end

-- Makes `parent` (or none) the class that `mt` inherits from.
local function link(mt, parent)
  local above = { __index = parent, __newindex = define, __call = make }
  if parent then
    above.__typename = rawget(parent, "__typename") -- code that climbs with getmetatable sees names
    children[parent] = children[parent] or setmetatable({}, { __mode = "k" })
    children[parent][mt] = true
    parents[mt] = parent
    setmetatable(above, get_metatable(parent))
    inherit_events(mt, parent)
  end
  setmetatable(mt, above)
end

-- The table that a class named a.b.C goes into, and "C".
local function home(name, torch)
  local where, last = name:match("^(.*)%.([^.]+)$")
  if not where then return _G, name end
  local first, rest = where:match("^([^.]+)%.?(.*)$")
  local place = rawget(_G, first)
  if type(place) ~= "table" then place = package.loaded[first] end
  if type(place) ~= "table" and first == "torch" then place = torch end
  for part in rest:gmatch("[^.]+") do place = type(place) == "table" and place[part] or nil end
  if type(place) ~= "table" then
    error(("torch.class: %s: there is no package '%s'; require it first, or give the table that the "
      .. "class goes into"):format(name, where), 0)
  end
  return place, last
end

local function new_constructor(mt, construct)
  return setmetatable({}, {
    __index = mt,
    __newindex = function(_, key, value) mt[key] = value end,
    __call = function(_, ...) return construct(...) end,
    __metatable = mt,
  })
end

-- The arguments of torch.class: name [, parent] [, module].
local function class_arguments(...)
  local n, name, second, third = select("#", ...), ...
  local ok = type(name) == "string" and n <= 3
  local parent, module
  if n >= 2 and type(second) == "table" then
    module, ok = second, ok and n == 2
  elseif n >= 2 and second ~= nil then
    parent, module = second, third
    ok = ok and type(parent) == "string" and (module == nil or type(module) == "table")
  elseif third ~= nil then
    module, ok = third, ok and type(third) == "table"
  end
  if not ok then
    error("torch.class: expected (name [, parent's name] [, module table])", 3)
  end
  return name, parent, module
end

return function(torch)
  local classes = torch._metatables

  local function typename(object)
    local mt = get_metatable(object)
    if type(mt) ~= "table" then return nil end
    local name = rawget(mt, "__typename")
    if name ~= nil and classes[name] == mt then return name end
    return nil
  end

  -- Whether a class is still to be had from its package: a script that took it out, nn.Foo = nil, may
  -- define it anew.
  local function in_use(name)
    if not classes[name] then return false end
    local found, place, short = pcall(home, name, torch)
    return not found or place == _G or rawget(place, short) ~= nil
  end

  -- Registers a class and puts its constructor into its module.  Returns the metatable.
  local function new_class(name, parent_name, construct, destroy, factory, module)
    if in_use(name) then error(("torch.class: %s is already defined"):format(name), 0) end
    local parent
    if parent_name then
      parent = classes[parent_name]
      if not parent then
        error(("torch.class: %s: there is no class '%s' to inherit from"):format(name, parent_name), 0)
      end
    end
    local place, short
    if module then
      place, short = module, name:match("[^.]+$")
    else
      place, short = home(name, torch)
    end
    local mt = { __typename = name, __name = name, __version = 1, __factory = factory }
    mt.__index = mt
    link(mt, parent)
    if destroy then rawset(mt, "__gc", destroy) end
    if construct then
      rawset(mt, "new", construct)
      rawset(mt, "__constructor", new_constructor(mt, construct))
      place[short] = mt.__constructor
    end
    classes[name] = mt
    return mt
  end

  -- The class of a file that is loaded again (vm/repl/reload.lua), which takes its new methods.
  local function reloaded(name, parent_name, module)
    local mt = torch._reloading and classes[name]
    if not mt or (parents[mt] and rawget(parents[mt], "__typename")) ~= parent_name then return nil end
    if module then module[name:match("[^.]+$")] = rawget(mt, "__constructor") end
    return mt
  end

  --- torch.class(name [, parent] [, module])
  --
  -- Makes a class.  `local Foo, parent = torch.class("pkg.Foo", "pkg.Bar")` makes pkg.Foo callable: it makes
  -- an object and calls Foo.__init(object, ..).
  --
  -- name: string
  -- parent: name of the class that it inherits from
  -- module: table that the class goes into; by default the package that the name begins with
  -- Returns: the class's table of methods, which makes an object when it is called, and its parent's
  -- Errors: the class exists; the parent or the package does not
  -- From: Torch7
  -- Example:
  --   Counter = torch.class("Counter", {})
  --   function Counter:__init() self.n = 0 end
  --   function Counter:add() self.n = self.n + 1 return self end
  --   Counter():add():add().n --> 2
  function torch.class(...)
    local name, parent_name, module = class_arguments(...)
    local mt = reloaded(name, parent_name, module)
    if mt then return mt, parents[mt] end
    local function construct(...)
      local self = setmetatable({}, mt)
      local init = self.__init
      if init then init(self, ...) end
      return self
    end
    local function factory() return setmetatable({}, mt) end
    local ok, result = pcall(new_class, name, parent_name, construct, nil, factory, module)
    if not ok then error(result, 2) end
    mt = result
    return mt, parents[mt]
  end

  --- torch.newmetatable(name [, parent_name [, construct [, destroy [, factory [, module]]]]])
  --
  -- The older form of torch.class, with the constructor, destructor and factory given.
  --
  -- name: string
  -- parent_name: name of the class that it inherits from
  -- construct: function that makes an object
  -- destroy: function that is called before the collector frees one
  -- factory: function that makes an empty one
  -- module: table that the class goes into
  -- Returns: the class's table of methods
  -- Errors: as for torch.class
  -- From: Torch7
  -- Example:
  --   torch.newmetatable("OldCounter", nil, nil, nil, nil, {}).__typename --> OldCounter
  function torch.newmetatable(name, parent_name, construct, destroy, factory, module)
    local ok, result = pcall(new_class, name, parent_name, construct, destroy, factory, module)
    if not ok then error(result, 2) end
    return result
  end

  --- torch.typename(object); torch.type(object)
  --
  -- The name of an object's class; when it has none, typename gives nil and type what Lua's type gives.
  --
  -- object: any value
  -- Returns: a string, or nil
  -- From: Torch7
  -- Example:
  --   torch.type(torch.FloatTensor()), torch.type({}), torch.typename({}) --> torch.FloatTensor table nil
  torch.typename = typename

  function torch.type(object)
    return typename(object) or type(object)
  end

  -- The class name that a constructor or a metatable stands for.
  local function name_of(spec)
    if type(spec) == "table" then
      local name = rawget(spec, "__typename")
      if name == nil then
        local mt = getmetatable(spec) -- of a constructor: the class
        name = type(mt) == "table" and mt.__typename or nil
      end
      if type(name) == "string" then return name end
      for class_name, mt in pairs(classes) do
        if rawget(mt, "__constructor") == spec then return class_name end
      end
    end
    error("torch.isTypeOf: the second argument must be a class name, a pattern or a constructor", 3)
  end

  --- Whether an object is of a class or of one that inherits from it.
  --
  -- object: any value
  -- spec: the class: its name, a pattern that names match, or its constructor
  -- Returns: true or false
  -- Errors: spec is no class
  -- From: Torch7
  -- Example:
  --   torch.isTypeOf(nn.Linear(2, 2), "nn.Module"), torch.isTypeOf(torch.Timer(), torch.Timer) --> true true
  function torch.isTypeOf(object, spec)
    if type(spec) ~= "string" then spec = name_of(spec) end
    local mt = get_metatable(object)
    while type(mt) == "table" do
      local name = rawget(mt, "__typename")
      if name then
        -- A plain name must be the whole name; only a pattern can match something else than itself.
        local match = name:match(spec)
        if name == spec or (match and match ~= spec) then return true end
      end
      mt = parents[mt]
    end
    return false
  end

  --- torch.factory(name); torch.getmetatable(name); torch.getconstructortable(name)
  --
  -- Of a class: the function that makes an empty object, the table of methods, what is called to make
  -- objects.
  --
  -- name: name of the class
  -- Returns: nil when there is no such class
  -- From: Torch7
  -- Example:
  --   torch.getmetatable("torch.Timer").__typename --> torch.Timer
  --   torch.getconstructortable("torch.Timer") == torch.Timer --> true
  function torch.factory(name)
    local mt = classes[name]
    return mt and rawget(mt, "__factory")
  end

  function torch.getmetatable(name)
    return classes[name]
  end

  --- Makes a plain table an object of a class.
  --
  -- object: table
  -- name: name of the class
  -- Returns: the object
  -- Errors: there is no such class
  -- From: Torch7
  -- Example:
  --   torch.type(torch.setmetatable({}, "torch.Timer")) --> torch.Timer
  function torch.setmetatable(object, name)
    local mt = classes[name]
    if not mt then error(("torch.setmetatable: there is no class '%s'"):format(tostring(name)), 2) end
    if type(object) ~= "table" then
      error("torch.setmetatable: a table expected, got " .. type(object), 2)
    end
    return setmetatable(object, mt)
  end

  function torch.getconstructortable(name)
    local mt = classes[name]
    if not mt then return nil end
    local short = name:match("^torch%.(.+)$")
    return rawget(mt, "__constructor") or (short and torch[short]) or nil
  end

  --- torch.version(object)
  --
  -- The version number of an object's class, its field __version.
  --
  -- object: any value
  -- Returns: a number; nil when it has no class
  -- From: Torch7
  -- Example:
  --   torch.version(torch.Timer()) --> 1
  torch.version = torch.version or function(object)
    local mt = get_metatable(object)
    return type(mt) == "table" and rawget(mt, "__version") or nil
  end
end
