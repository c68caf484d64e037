-- memory: %mem: what takes the memory of tensors: how much there is, which variables hold it, which lines
-- made it.

local display = require "cresset.repl.display"
local torch = require "torch"

local memory = {}

local print = print

local MOST = 15

-- ---- who holds what -------------------------------------------------------------------------------

local function step(path, key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") then
    return path == "" and key or path .. "." .. key
  end
  if math.type(key) == "integer" then return ("%s[%d]"):format(path, key) end
  if type(key) == "string" and #key <= 30 then return ("%s[%q]"):format(path, key) end
  return path .. "[...]"
end

local MOST_OBJECTS = 1000000

-- The tables, tensors and functions that are reached from the session's globals, nearest first: a walk in
-- breadth, so that each has its shortest name.  Packages are left out, but for what they hold for the user.
local function walk(visit)
  local seen, queue, first, last = { [package.loaded] = true, [_G] = true }, {}, 1, 0
  for _, module in next, package.loaded do
    if type(module) == "table" then seen[module] = true end
  end
  local function add(value, path)
    local t = type(value)
    if t ~= "table" and t ~= "function" and t ~= "userdata" then return end
    if seen[value] or last > MOST_OBJECTS then return end
    seen[value] = true
    last = last + 1
    queue[last] = { value, path }
  end
  for key, value in next, _G do
    if key ~= "_RESULTS" and key ~= "_LAST" then add(value, step("", key)) end
  end
  while first <= last do
    local value, path = queue[first][1], queue[first][2]
    queue[first] = nil
    first = first + 1
    if type(value) == "table" then
      for key, member in next, value do
        add(key, path .. " (a key)")
        add(member, step(path, key))
      end
    elseif type(value) == "function" then
      for i = 1, 255 do
        local name, held = debug.getupvalue(value, i)
        if not name then break end
        if name ~= "_ENV" then add(held, path .. "/" .. name) end
      end
    elseif torch.isTensor(value) then
      visit(value, path)
      local ok, grad = pcall(function() return value.grad end)
      if ok then add(grad, path .. ".grad") end
    end
  end
end

-- An array of {name, bytes, what}, one for each storage that a variable reaches, the largest first; and a
-- table from a storage's number to its name.
local function holders()
  local list, names = {}, {}
  walk(function(tensor, path)
    local ok, storage = pcall(tensor.storage, tensor)
    if not ok or not storage then return end -- an empty one
    local number = torch.pointer(storage)
    if names[number] then return end
    names[number] = path
    list[#list + 1] = { name = path, bytes = storage:size() * storage:elementSize(),
      what = ("%s %s%s"):format(tensor.dtype, table.concat(tensor.shape, "x"),
        tensor.device == "cpu" and "" or " " .. tensor.device) }
  end)
  table.sort(list, function(a, b)
    if a.bytes ~= b.bytes then return a.bytes > b.bytes end
    return a.name < b.name
  end)
  return list, names
end

-- ---- tables ---------------------------------------------------------------------------------------

local function print_totals()
  local m = torch.memory()
  print(("tensors: %s live, %s at most, %s kept for reuse; Lua: %s"):format(display.bytes(m.live),
    display.bytes(m.peak), display.bytes(m.cached), display.bytes(math.floor(collectgarbage "count" * 1024))))
  local cuda = rawget(torch, "cuda")
  if not cuda or not pcall(cuda.getDevice) or cuda.getDeviceCount() == 0 then return end
  for device = 1, cuda.getDeviceCount() do
    local ok, d = pcall(cuda.memory, device)
    if ok then
      print(("device %d: %s live, %s at most, %s kept for reuse"):format(device, display.bytes(d.live),
        display.bytes(d.peak), display.bytes(d.cached)))
    end
  end
end

local function print_holders(list)
  local rows, sum = { { "bytes", "variable", "what" } }, 0
  for i, holder in ipairs(list) do
    sum = sum + holder.bytes
    if i <= MOST then rows[#rows + 1] = { display.bytes(holder.bytes), holder.name, holder.what } end
  end
  if #rows > 1 then display.rows(rows, { true }) end
  print(("%d tensors that variables reach: %s%s"):format(#list, display.bytes(sum),
    #list > MOST and (", the largest %d shown"):format(MOST) or ""))
end

local function add_line(lines, by_line, s, name)
  local line = by_line[s.where]
  if not line then
    line = { where = s.where, bytes = 0, count = 0 }
    by_line[s.where] = line
    lines[#lines + 1] = line
  end
  line.bytes, line.count = line.bytes + s.bytes, line.count + 1
  line.name = line.name or name
end

-- By the line that made them: what was made since `%mem on`, and is alive.
local function print_lines(watched, names)
  local lines, by_line = {}, {}
  for _, s in ipairs(watched) do add_line(lines, by_line, s, names[s.storage]) end
  table.sort(lines, function(a, b)
    if a.bytes ~= b.bytes then return a.bytes > b.bytes end
    return a.where < b.where
  end)
  local rows = { { "bytes", "tensors", "made at", "one of them" } }
  for i = 1, math.min(#lines, MOST) do
    local l = lines[i]
    rows[#rows + 1] = { display.bytes(l.bytes), tostring(l.count), l.where == "" and "(no script)" or l.where,
      l.name or "(no variable reaches it)" }
  end
  if #lines > 0 then display.rows(rows, { true, true }) end
  print(("%d tensors made since %%mem on are alive, from %d lines"):format(#watched, #lines))
end

local function show()
  collectgarbage()
  print_totals()
  local list, names = holders()
  print_holders(list)
  list = nil -- luacheck: ignore
  local watched = torch._watched()
  if watched then print_lines(watched, names) end
end

local function mem(argument)
  if argument == "" then return show() end
  if argument == "on" or argument == "off" then
    torch._watch(argument == "on")
  elseif argument == "reset" then
    torch.resetPeak()
  else
    error(("%%mem: '%s' is none of on, off, reset"):format(argument), 0)
  end
end

memory.mem = { "mem [on | off | reset]",
  "tensors' memory; on: with the lines that made them; reset: the peak", mem }

return memory
