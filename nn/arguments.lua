-- arguments.lua: what the modules share: checks of their arguments, and which dimension is meant.

local options = require "torch.options"
local raise = require("torch.caller").raise

return function(nn, torch)
  local arguments = {}
  nn._arguments = arguments

  local function kind(value)
    return torch.isTensor(value) and "tensor" or type(value)
  end

  -- An error that begins with the module's class.
  function arguments.fail(module, message, ...)
    raise("%s: " .. message, torch.typename(module), ...)
  end
  local fail = arguments.fail

  -- A number, also as a tensor of no dimensions; where it is left out, the default, if there is one.
  function arguments.number(module, name, value, default)
    if value == nil then value = default end
    if torch.isTensor(value) and value:dim() == 0 then value = value:item() end
    if type(value) ~= "number" then fail(module, "%s is a %s, wanted a number", name, kind(value)) end
    return value
  end

  -- A whole number, not less than `least` where that is given.
  function arguments.whole(module, name, value, default, least)
    value = arguments.number(module, name, value, default)
    local whole = math.tointeger(value)
    if not whole or least and whole < least then
      fail(module, "%s is %s, wanted a whole number%s", name, value,
        least and " of at least " .. least or "")
    end
    return whole
  end

  -- true or false; false where it is left out.
  function arguments.flag(module, name, value)
    if value ~= nil and type(value) ~= "boolean" then
      fail(module, "%s is a %s, wanted true or false", name, kind(value))
    end
    return value or false
  end

  -- Where options have no default.
  arguments.NONE = options.NONE

  -- The options of a constructor, with the defaults for those that are left out; an unknown one is an error.
  function arguments.options(module, given, defaults)
    return options.fill(torch.typename(module), given, defaults)
  end

  -- The options of a call: an unknown one is an error.
  function arguments.known(module, opts, known)
    if opts ~= nil and (type(opts) ~= "table" or torch.typename(opts)) then
      fail(module, "the options of a call are a %s, wanted a table", kind(opts))
    end
    for name in pairs(opts or {}) do
      if not known[name] then fail(module, "a call has no option '%s'", tostring(name)) end
    end
    return opts or {}
  end

  -- The options called `names`, from a table of them or from arguments in that order.
  function arguments.short(self, names, defaults, first, ...)
    if type(first) == "table" then return arguments.options(self, first, defaults) end
    local given, values = {}, { first, ... }
    for i, name in ipairs(names) do given[name] = values[i] end
    return arguments.options(self, given, defaults)
  end

  -- How a module with such options is written: "nn.Softplus(beta = 1, threshold = 20)".
  function arguments.text(self, typename, names)
    local parts = {}
    for _, name in ipairs(names) do
      if self[name] ~= nil then parts[#parts + 1] = ("%s = %s"):format(name, self[name]) end
    end
    return ("%s(%s)"):format(typename, table.concat(parts, ", "))
  end

  -- The inputs of a module that has several, given as arguments or as one table.
  function arguments.inputs(first, ...)
    if type(first) == "table" and select("#", ...) == 0 then return table.unpack(first) end
    return first, ...
  end

  -- Sizes, as numbers or in a LongStorage, as a table; none is below `least`.
  function arguments.sizes(module, least, ...)
    local sizes = { ... }
    if #sizes == 1 and type(sizes[1]) ~= "number" then
      local ok, list = pcall(function(storage) return storage:totable() end, sizes[1])
      if not ok or type(list) ~= "table" then
        fail(module, "the sizes are a %s, wanted numbers or a LongStorage", kind(sizes[1]))
      end
      sizes = list
    end
    for i = 1, math.max(#sizes, select("#", ...)) do
      sizes[i] = arguments.whole(module, "size " .. i, sizes[i], nil, least)
    end
    if #sizes == 0 then fail(module, "the sizes are missing") end
    return sizes
  end

  function arguments.shape(x)
    return #x.shape == 0 and "no dimensions" or table.concat(x.shape, "x")
  end

  -- The input as a tensor, of as many dimensions as wanted.
  function arguments.tensor(module, input, least, most)
    if not torch.isTensor(input) then fail(module, "the input is a %s, wanted a tensor", kind(input)) end
    if least and input:dim() < least or most and input:dim() > most then
      fail(module, "the input is of %s, wanted %s dimensions", arguments.shape(input),
        least == most and least or most and ("%d to %d"):format(least or 0, most) or least .. " or more")
    end
    return input
  end

  -- Which dimension of the input is meant: negative counts from the last, and where nInputDims says how
  -- many dimensions a sample has, a batch has one more in front.  `most` allows one that is new.
  function arguments.dimension(module, input, dim, nInputDims, most)
    arguments.tensor(module, input)
    local d = dim
    if d < 0 then
      d = input:dim() + d + 1
    elseif nInputDims and input:dim() == nInputDims + 1 then
      d = d + 1
    end
    if d < 1 or d > (most or input:dim()) then
      fail(module, "the input of %s has no dimension %d", arguments.shape(input), dim)
    end
    return d
  end

  -- A parameter in a shape that broadcasts to the input's: one with as many elements takes its shape, one
  -- of as many dimensions stays, any other is the same for every sample of the batch.
  function arguments.fit(module, parameter, input)
    arguments.tensor(module, input)
    if parameter:nElement() == input:nElement() then return torch.reshape(parameter, input.shape) end
    local shape, fits = { table.unpack(parameter.shape) }, true
    if parameter:dim() == input:dim() then
      for d, size in ipairs(shape) do fits = fits and (size == 1 or size == input:size(d)) end
    else
      fits = input:dim() > 1 and parameter:nElement() * input:size(1) == input:nElement()
      shape = { 1, table.unpack(input.shape, 2) }
    end
    if not fits then
      fail(module, "the input of %s does not fit parameters of %s", arguments.shape(input),
        arguments.shape(parameter))
    end
    return torch.reshape(parameter, shape)
  end

  -- The part of each element below zero; relu(x) + below(x) is x.
  function arguments.below(x)
    return torch.clamp(x, nil, 0)
  end

  -- Values in +-a: a is the standard deviation times sqrt(3), or else 1/sqrt(n).
  function arguments.uniform(parameter, stdv, n)
    stdv = stdv and stdv * math.sqrt(3) or 1 / math.sqrt(n)
    parameter:uniform(-stdv, stdv)
  end
end
