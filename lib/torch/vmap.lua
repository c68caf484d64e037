-- vmap: a function of one element applied to each of a batch.

local tree = require "torch.tree"
local raise = require("torch.caller").raise

local name = "torch.func.vmap"

return function(torch)
  -- Where inDims says to slice an argument: a place, or false.
  local function dim_for(inDims, k)
    if inDims == nil then return 1 end
    if type(inDims) ~= "table" then return inDims end
    return inDims[k] or false
  end

  -- dim of t, counted from the first.
  local function checked_dim(t, dim, path)
    local n = #t.shape
    local at = dim < 0 and dim + n + 1 or dim
    if at < 1 or at > n then
      raise("%s: %s has %d dimensions, none of number %d to go along; false in inDims passes it whole",
        name, path, n, dim)
    end
    return at
  end

  -- Slice i, without the dimension.  Of a vector it is a tensor; select gives a number in Torch7's mode.
  local function slice(t, dim, i)
    local shape = t.shape
    table.remove(shape, dim)
    return torch.reshape(torch.narrow(t, dim, i, 1), shape)
  end

  -- An argument as a function from the number of a slice to the slice.
  local function slicer(value, dim, path, batch)
    if not dim then return function() return value end end
    if type(dim) ~= "number" and type(dim) ~= "table" then
      raise("%s: inDims for %s is a %s, wanted a dimension or false", name, path, type(dim))
    end
    if type(dim) == "table" then
      if not tree.isNode(value) then
        raise("%s: inDims for %s is a table, but that is a %s", name, path, torch.type(value))
      end
      local parts = {}
      for k, v in pairs(value) do
        parts[k] = slicer(v, dim[k] or false, ("%s[%s]"):format(path, tostring(k)), batch)
      end
      return function(i)
        local out = {}
        for k, part in pairs(parts) do out[k] = part(i) end
        return out
      end
    end
    tree.map(value, function(t, where)
      local size = t:size(checked_dim(t, dim, where))
      if batch.size and batch.size ~= size then
        raise("%s: %s has size %d along dimension %d, but %s has %d", name, where, size, dim, batch.path,
          batch.size)
      end
      batch.size, batch.path, batch.like = size, batch.path or where, batch.like or t
    end, path)
    return function(i)
      return tree.map(value, function(t) return slice(t, checked_dim(t, dim, path), i) end)
    end
  end

  -- Numbers, which full reductions give, as tensors of one element.
  local function as_tensor(v, like)
    if torch.isTensor(v) then return v end
    local dtype = like.dtype
    if not dtype:find("float") then dtype = math.type(v) == "integer" and "int64" or torch.zeros(1).dtype end
    return torch.scalar(v, dtype)
  end

  -- One result from those of all slices.
  local function stacked(list, dim, like)
    local first = list[1]
    if type(first) == "number" or torch.isTensor(first) then
      for i, v in ipairs(list) do
        if type(v) ~= "number" and not torch.isTensor(v) then
          raise("%s: the function gave a %s for slice 1, but a %s for slice %d", name, torch.type(first),
            torch.type(v), i)
        end
        list[i] = as_tensor(v, torch.isTensor(first) and first or like)
        if not list[i]:isSameSizeAs(list[1]) then
          raise("%s: the function gave shape %s for slice 1, but %s for slice %d", name,
            table.concat(list[1].shape, "x"), table.concat(list[i].shape, "x"), i)
        end
      end
      return torch.stack(list, dim)
    elseif tree.isNode(first) then
      local out = {}
      for _, k in ipairs(tree.keys(first)) do
        local part = {}
        for i, v in ipairs(list) do part[i] = tree.isNode(v) and v[k] end
        out[k] = stacked(part, dim, like)
      end
      return out
    end
    raise("%s: the function gave a %s; wanted tensors, numbers, or tables of them", name, torch.type(first))
  end

  --- torch.func.vmap(f [, inDims [, outDims]])
  --
  -- The function that applies f to each slice of its arguments and puts the results side by side.  It is
  -- a loop over the slices: right for every f, with gradients, and as fast as the loop would be; a function
  -- written for whole batches is faster.  Random numbers differ from slice to slice.
  --
  -- f: function of tensors or nested tables of them; it gives tensors, numbers, or nested tables of them
  -- inDims: the dimension along which the arguments are sliced, 1 by default; a table gives one for each
  --   argument, false for one that is passed whole, or a table for an argument that is a table
  -- outDims: the dimension along which the results lie side by side, 1 by default; or a table with one for
  --   each result
  -- Returns: a function of f's arguments, batched
  -- Errors: of the function: sizes of the batch differ or are 0; slices give different shapes
  -- From: JAX
  -- Example:
  --   x = torch.Tensor { { 1, 2 }, { 3, 4 } }
  --   table.concat(torch.func.vmap(torch.dot)(x, x):totable(), " ") --> 5.0 25.0
  --   torch.func.vmap(torch.dot, { 1, false })(x, torch.ones(2))[2] --> 7.0
  function torch.func.vmap(f, inDims, outDims)
    return function(...)
      local args, batch, slices = table.pack(...), {}, {}
      for k = 1, args.n do slices[k] = slicer(args[k], dim_for(inDims, k), "argument " .. k, batch) end
      if not batch.size then raise("%s: no argument is a tensor to slice", name) end
      if batch.size == 0 then
        raise("%s: %s has no slices, so the function can't be tried", name, batch.path)
      end
      local results, count = {}, 0
      for i = 1, batch.size do
        local given = {}
        for k = 1, args.n do given[k] = slices[k](i) end
        local got = table.pack(f(table.unpack(given, 1, args.n)))
        count = i == 1 and got.n or math.min(count, got.n)
        for r = 1, got.n do
          results[r] = results[r] or {}
          results[r][i] = got[r] == nil and false or got[r]
        end
      end
      for r = 1, count do
        local dim = type(outDims) == "table" and outDims[r] or outDims
        results[r] = stacked(results[r], type(dim) == "number" and dim or 1, batch.like)
      end
      return table.unpack(results, 1, count)
    end
  end
end
