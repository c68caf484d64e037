-- compare: deep equality of Lua values, tensors and storages within a tolerance, saying where and how
-- much they differ.  For torch.Tester.

-- Each function returns whether the assertion holds and, if not, why.  `negate`: that the values differ
-- is what is asserted.

return function(torch)
  local compare = {}

  local function shape_text(t)
    if t:nElement() == 1 and t:dim() == 0 then return "scalar" end
    if t:dim() == 0 then return "empty" end
    return table.concat(t:size():totable(), "x")
  end

  -- The indices of the k-th element, as a script writes them.
  local function place_text(t, k)
    local sizes, places = t:size():totable(), {}
    k = k - 1
    for d = #sizes, 1, -1 do
      places[d] = ("[%d]"):format(k % sizes[d] + 1)
      k = k // sizes[d]
    end
    return table.concat(places)
  end

  local function flat(t)
    return t:detach():double():contiguous():view(t:nElement())
  end

  -- The largest difference and where it is.  A NaN anywhere is the largest.
  local function largest_difference(a, b)
    local x, y = flat(a), flat(b)
    local same_infinity = torch.eq(x, y)
    local diff = torch.abs(x - y)
    diff:maskedFill(same_infinity, 0)
    local nans = torch.ne(diff, diff)
    if nans:any() then
      for k = 1, diff:nElement() do
        if diff[k] ~= diff[k] then return 0.0 / 0.0, k, x[k], y[k] end
      end
    end
    local most, k = torch.max(diff, 1)
    most, k = most[1], k[1]
    return most, k, x[k], y[k]
  end

  local function elements(a, b, tolerance, negate, what)
    local most, k, x, y = largest_difference(a, b)
    local ok = most <= tolerance
    if negate then ok = not ok end
    if ok then return true end
    if negate then
      return false, ("%sNE(==) violation: max diff=%s, tolerance=%s"):format(what, most, tolerance)
    end
    return false, ("%sEQ(==) violation: max diff=%s, tolerance=%s, at %s: %s and %s"):format(what, most,
      tolerance, place_text(a, k), x, y)
  end

  -- With ignore_dims, tensors of as many elements are compared in order, whatever their shapes.
  function compare.tensors(a, b, tolerance, negate, ignore_dims)
    if not ignore_dims and a:dim() ~= b:dim() then
      return negate, ("The tensors have different dimensions: %s and %s"):format(shape_text(a),
        shape_text(b))
    end
    if a:type() ~= b:type() then
      return negate, ("The tensors have different types: %s and %s"):format(a:type(), b:type())
    end
    local same = a:nElement() == b:nElement() and (ignore_dims or a:isSameSizeAs(b))
    if not same then
      return negate, ("The tensors have different sizes: %s and %s"):format(shape_text(a), shape_text(b))
    end
    if a:nElement() == 0 then return not negate, "Both tensors are empty" end
    return elements(a, b, tolerance, negate, "Tensor")
  end

  local function storages(a, b, tolerance, negate)
    if #a ~= #b then
      return negate, ("The storages have different sizes: %d and %d"):format(#a, #b)
    end
    local kind = torch.typename(a)
    if kind ~= torch.typename(b) then
      return negate, ("The storages have different types: %s and %s"):format(kind, torch.typename(b))
    end
    if #a == 0 then return not negate, "Both storages are empty" end
    local tensor = torch[kind:match("^torch%.(.*)Storage$") .. "Tensor"]
    return elements(tensor(a), tensor(b), tolerance, negate, "Storage")
  end

  local function numbers(a, b, tolerance, negate)
    local ok = a == b or math.abs(a - b) <= tolerance
    if negate then ok = not ok end
    if ok then return true end
    local text = (negate and "NE failed: %s == %s" or "EQ failed: %s ~= %s"):format(a, b)
    if tolerance > 0 then text = text .. " with tolerance=" .. tostring(tolerance) end
    return false, text
  end

  local function others(a, b, negate)
    local ok = a == b
    if negate then ok = not ok end
    if ok then return true end
    local text = negate and "NE failed: %s (%s) == %s (%s)" or "EQ failed: %s (%s) ~= %s (%s)"
    return false, text:format(tostring(a), type(a), tostring(b), type(b))
  end

  -- Breadth first, so that the shallowest difference is the one reported.  Pairs of tables that were
  -- met before are not followed again: tables may contain themselves.
  local function tables(a, b, tolerance, negate)
    local queue, seen = { { a, b, nil } }, {}
    local next_one = 1
    while queue[next_one] do
      local left, right, place = table.unpack(queue[next_one], 1, 3)
      next_one = next_one + 1
      local function at(key) return (place and place .. "." or "") .. tostring(key) end
      for key, x in pairs(left) do
        local y = right[key]
        if y == nil then
          return negate, ("Entry %s missing in second table (is %s in first)"):format(at(key), tostring(x))
        end
        if type(x) == "table" and type(y) == "table" then
          local met = seen[x] or {}
          if not met[y] then
            met[y], seen[x] = true, met
            queue[#queue + 1] = { x, y, at(key) }
          end
        else
          local ok, message = compare.any(x, y, tolerance, false)
          if not ok then return negate, ("At table location %s: %s"):format(at(key), message) end
        end
      end
      for key, y in pairs(right) do
        if left[key] == nil then
          return negate, ("Entry %s missing in first table (is %s in second)"):format(at(key), tostring(y))
        end
      end
    end
    return not negate, "The tables are equal"
  end

  -- Values of any kind.
  function compare.any(a, b, tolerance, negate)
    if type(a) ~= type(b) then
      return negate, ("EQ failed: values have different types (first: %s, second: %s)"):format(
        torch.type(a), torch.type(b))
    end
    if type(a) == "number" then return numbers(a, b, tolerance, negate) end
    if type(a) == "table" then return tables(a, b, tolerance, negate) end
    if torch.isTensor(a) and torch.isTensor(b) then return compare.tensors(a, b, tolerance, negate) end
    if torch.isStorage(a) and torch.isStorage(b) then return storages(a, b, tolerance, negate) end
    return others(a, b, negate)
  end

  return compare
end
