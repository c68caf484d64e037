-- arguments: checks of arguments for functions written in Lua.  `fn` is the function's name for the
-- message, which has the position of the script's line.

local raise = require("torch.caller").raise

return function(torch)
  local args = {}

  function args.tensor(fn, x)
    if not torch.isTensor(x) then raise("%s: a tensor is wanted, got a %s", fn, type(x)) end
    return x
  end

  function args.is_float(x)
    return x.dtype:find("float") ~= nil
  end

  function args.float_tensor(fn, x)
    if not args.is_float(args.tensor(fn, x)) then
      raise("%s: a float tensor is wanted, got %s", fn, x.dtype)
    end
    return x
  end

  -- A whole number, at least `least` where that is given.
  function args.whole(fn, what, n, least)
    local whole = type(n) == "number" and math.tointeger(n)
    if not whole then raise("%s: a whole number is wanted as %s, got %s", fn, what, tostring(n)) end
    if least and whole < least then
      raise("%s: a whole number of at least %d is wanted as %s, got %d", fn, least, what, whole)
    end
    return whole
  end

  -- A dimension of so many, negative from the end, as a positive one.
  function args.dim(fn, dim, dims)
    local d = args.whole(fn, "dimension", dim)
    if d < 0 then d = d + dims + 1 end
    if d < 1 or d > dims then
      raise("%s: dimension %d of a tensor of %d dimensions", fn, dim, dims)
    end
    return d
  end

  -- A number, a table or a storage of sizes as a new table.
  function args.sizes(fn, sizes)
    if torch.isStorage(sizes) then sizes = sizes:totable() end
    if type(sizes) == "number" then sizes = { sizes } end
    if type(sizes) ~= "table" then raise("%s: a table of sizes is wanted, got a %s", fn, type(sizes)) end
    local list = {}
    for i, n in ipairs(sizes) do list[i] = args.whole(fn, "size", n, 0) end
    if #list > 16 then raise("%s: %d sizes, more than the 16 there may be", fn, #list) end
    return list
  end

  -- The name of a type that there is; nil stays nil.
  function args.type_name(fn, name)
    if name == nil then return nil end
    if type(name) ~= "string" or not pcall(torch.scalar, 0, name) then
      raise("%s: there is no tensor type '%s'", fn, tostring(name))
    end
    return name
  end

  return args
end
