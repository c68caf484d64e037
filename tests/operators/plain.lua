-- plain: arrays of numbers in Lua tables, with loops instead of kernels: what operators are compared with.
--
-- An array is {shape = {..}, [1] = .., [2] = ..}, elements in row-major order; a(i, j) is an element.
local plain = {}

local array = {}
array.__index = array

local function count(shape)
  local n = 1
  for _, size in ipairs(shape) do n = n * size end
  return n
end

function array.__call(a, ...)
  local at = 0
  for d, size in ipairs(a.shape) do at = at * size + (select(d, ...)) - 1 end
  return a[at + 1]
end

--- An array of a shape: f(i, j, ..) gives each element.
function plain.build(shape, f)
  local out = setmetatable({ shape = { table.unpack(shape) } }, array)
  local index = {}
  for d = 1, #shape do index[d] = 1 end
  for k = 1, count(shape) do
    local v = f(table.unpack(index))
    out[k] = v
    for d = #shape, 1, -1 do
      index[d] = index[d] + 1
      if index[d] <= shape[d] then break end
      index[d] = 1
    end
  end
  return out
end

--- The elements and the shape of a tensor.
function plain.from(tensor)
  local list = setmetatable({ shape = tensor.shape }, array)
  local function collect(value)
    if type(value) == "table" then
      for _, v in ipairs(value) do collect(v) end
    else
      list[#list + 1] = value
    end
  end
  collect(tensor:totable())
  return list
end

-- The shape that several arrays broadcast to.
local function broadcast(list)
  local shape, dims = {}, 0
  for _, a in ipairs(list) do dims = math.max(dims, #a.shape) end
  for d = 1, dims do
    shape[d] = 1
    for _, a in ipairs(list) do
      local size = a.shape[d - dims + #a.shape]
      if size and size ~= 1 then shape[d] = size end
    end
  end
  return shape
end

local function pick(a, dims, index)
  local own = {}
  for d = 1, #a.shape do
    own[d] = a.shape[d] == 1 and 1 or index[d + dims - #a.shape]
  end
  return a(table.unpack(own))
end

--- A function of arrays that applies f to their elements, which broadcast.
function plain.map(f)
  return function(...)
    local list = { ... }
    local shape = broadcast(list)
    return plain.build(shape, function(...)
      local values, index = {}, { ... }
      for i, a in ipairs(list) do values[i] = pick(a, #shape, index) end
      return f(table.unpack(values))
    end)
  end
end

-- A dimension from 1 on; negative ones count from the last.
local function wrap(a, dim)
  return dim < 0 and dim + #a.shape + 1 or dim
end

--- The elements along dim through the place `index`.
function plain.line(a, dim, ...)
  dim = wrap(a, dim)
  local index, list = { ... }, {}
  for i = 1, a.shape[dim] or 1 do
    index[dim] = i
    list[i] = a(table.unpack(index))
  end
  return list
end

--- Replaces each line along dim by f(list): a number (the dimension gets size 1) or a list.
function plain.along(a, dim, f)
  dim = wrap(a, dim)
  local results, shape = {}, { table.unpack(a.shape) }
  local size
  local kept = { table.unpack(shape) }
  kept[dim] = 1
  plain.build(kept, function(...)
    local r = f(plain.line(a, dim, ...))
    if type(r) ~= "table" then r = { r } end
    size = #r
    results[table.concat({ ... }, ",")] = r
  end)
  if not size then -- there are no lines: as many as any line would give
    local ones = {}
    for i = 1, a.shape[dim] do ones[i] = 1 end
    local r = f(ones)
    size = type(r) == "table" and #r or 1
  end
  shape[dim] = size
  return plain.build(shape, function(...)
    local index = { ... }
    local i = index[dim]
    index[dim] = 1
    return results[table.concat(index, ",")][i]
  end)
end

--- All elements with f: one number, as an array without dimensions.
function plain.over(a, f)
  local list = {}
  for i = 1, #a do list[i] = a[i] end
  return plain.build({}, function() return f(list) end)
end

--- The same elements in another shape.
function plain.reshape(a, shape)
  local i = 0
  return plain.build(shape, function()
    i = i + 1
    return a[i]
  end)
end

function plain.permute(a, order)
  local shape = {}
  for d, from in ipairs(order) do shape[d] = a.shape[from] end
  return plain.build(shape, function(...)
    local index = {}
    for d, i in ipairs { ... } do index[order[d]] = i end
    return a(table.unpack(index))
  end)
end

function plain.sum(list)
  local s = 0
  for _, v in ipairs(list) do s = s + v end
  return s
end

--- sum of f(k) for k = 1 to n
function plain.total(n, f)
  local s = 0
  for k = 1, n do s = s + f(k) end
  return s
end

--- The places that sorting a list gives, equal elements in order.
function plain.order(list, descending)
  local places = {}
  for i = 1, #list do places[i] = i end
  table.sort(places, function(p, q)
    if list[p] == list[q] then return p < q end
    if descending then return list[p] > list[q] end
    return list[p] < list[q]
  end)
  return places
end

return plain
