-- tape.lua: what Module and Criterion share: nested tables of tensors, and the record of a forward
-- call from which backward is run later.

return function(nn, torch)
  local tape = {}
  nn.tape = tape

  --- nn.tape.each(value, f); nn.tape.map(value, f); nn.tape.flatten(value); nn.tape.detach(value)
  -- nn.tape.leaves(value)
  --
  -- For modules with tables of tensors: calls f for every tensor of a nested table, in order; makes a
  -- table of the same form of f's results, of the tensors without their history, or of copies of their
  -- headers that start a tape of their own; or a list of the tensors.
  --
  -- value: tensor, or nested table of tensors
  -- f: function of a tensor
  -- Returns: map, detach and leaves: the like of value; flatten: a table
  -- Example:
  --   x = { torch.ones(1), { torch.ones(2) } }
  --   #nn.tape.flatten(x), nn.tape.map(x, function(t) return t * 3 end)[2][1]:sum() --> 2 6.0

  -- The keys of a table beside 1 to #value, in an order of their own; nil when there are none.
  local function other_keys(value)
    local n, found = #value, nil
    for k in next, value do
      if math.type(k) ~= "integer" or k < 1 or k > n then
        found = found or {}
        found[#found + 1] = k
      end
    end
    if found then table.sort(found, function(a, b) return tostring(a) < tostring(b) end) end
    return found
  end

  local function each(value, f)
    if torch.isTensor(value) then
      f(value)
    elseif type(value) == "table" then
      for i = 1, #value do each(value[i], f) end
      for _, k in ipairs(other_keys(value) or {}) do each(value[k], f) end
    end
  end
  tape.each = each

  local function map(value, f)
    if torch.isTensor(value) then return f(value) end
    if type(value) ~= "table" then return value end
    local out = {}
    for i = 1, #value do out[i] = map(value[i], f) end
    for _, k in ipairs(other_keys(value) or {}) do out[k] = map(value[k], f) end
    return out
  end
  tape.map = map

  function tape.flatten(value)
    local list = {}
    each(value, function(t) list[#list + 1] = t end)
    return list
  end

  local floats = { float32 = true, float64 = true, float16 = true, bfloat16 = true }

  -- The second result gives, by torch.pointer of each leaf, the tensor that it stands for.
  function tape.leaves(value)
    local originals = {}
    return map(value, function(t)
      local leaf = t:detach()
      originals[torch.pointer(leaf)] = t
      return floats[t.dtype] and leaf:requireGrad() or leaf
    end), originals
  end

  function tape.detach(value)
    return map(value, function(t) return t:detach() end)
  end

  --- nn.tape.hold(value); nn.tape.same(held, value)
  --
  -- What to remember of a tensor or a table of them, and whether a value is that one: the same tensors,
  -- or tensors of the same elements.
  --
  -- value: tensor, or nested table of tensors
  -- held: what hold gave
  -- Returns: the like of value; true or false
  -- Example:
  --   held = nn.tape.hold { torch.ones(2), 3 }
  --   nn.tape.same(held, { torch.ones(2), 3 }), nn.tape.same(held, { torch.zeros(2), 3 }) --> true false
  function tape.hold(value)
    return map(value, function(t) return t:detach() end) -- a header of its own: t may be resized
  end

  local function same_tensor(a, b)
    if rawequal(a, b) or torch.pointer(a) == torch.pointer(b) then return true end
    if a.dtype ~= b.dtype or a.device ~= b.device or not a:isSameSizeAs(b) then return false end
    return a:isSetTo(b) or torch.equal(a:detach(), b:detach())
  end

  function tape.same(held, value)
    if torch.isTensor(held) and torch.isTensor(value) then return same_tensor(held, value) end
    if type(held) ~= "table" or type(value) ~= "table" then return held == value end
    for k, v in next, held do
      if not tape.same(v, value[k]) then return false end
    end
    for k in next, value do
      if held[k] == nil then return false end
    end
    return true
  end

  --- nn.tape.describe(value)
  --
  -- "2x3 float32", or "{2x3 float32, 4 float64}": the shapes and types of tensors, for messages.
  --
  -- value: any value
  -- Returns: a string
  -- Example:
  --   nn.tape.describe { torch.ones(2, 3), torch.ones(1):double() } --> {2x3 float32, 1 float64}
  function tape.describe(value)
    if torch.isTensor(value) then
      local shape = value.shape
      return ("%s %s"):format(#shape == 0 and "scalar" or table.concat(shape, "x"), value.dtype)
    elseif type(value) == "table" and not torch.typename(value) then
      local parts = {}
      for i = 1, math.min(#value, 8) do parts[i] = tape.describe(value[i]) end
      if #value > 8 then parts[9] = "..." end
      for _, k in ipairs(other_keys(value) or {}) do
        parts[#parts + 1] = ("%s = %s"):format(tostring(k), tape.describe(value[k]))
      end
      return "{" .. table.concat(parts, ", ") .. "}"
    end
    local kind = torch.type(value)
    return kind == "number" and tostring(value) or "a " .. kind
  end

  --- nn.tape.record(f, ...); nn.tape.enter(); nn.tape.note(module, input, output [, depth, order])
  -- nn.tape.gradients(recorded, gradOutput, opts); nn.tape.keep(calls [, originals]); nn.tape.half()
  --
  -- What nn.Module:forward and backward are made of: record runs f(...) on the tape and lists the modules
  -- that it ran, which say so by enter before and note after; keep sets their outputs; gradients gives the
  -- gradients of what was recorded, and sets gradInput of the modules that were run; half says meanwhile
  -- whether only updateGradInput ("input") or accGradParameters ("parameters") was called, nil for both,
  -- and, second, whether it is the classic protocol at all.
  -- Run as th it takes tensors as they are now, as Torch7 did, even those overwritten since forward.
  --
  -- f: function
  -- module: nn.Module
  -- input, output: tensor, or nested table of tensors
  -- depth: how many modules are running, with this one
  -- order: what enter gave: the modules' order by when they began
  -- originals: what tape.leaves gave second: outputs that are leaves are these tensors
  -- recorded: table of leaves, output and calls
  -- calls: the second result of record
  -- gradOutput: gradient of the output, of its form
  -- opts: table: accumulate has parameters' gradients grow, by scale times theirs; half, see above
  -- Returns: record: f's first result, and a list; enter: a number; gradients: the like of recorded.leaves
  -- Example:
  --   output, calls = nn.tape.record(function() return torch.ones(2) end)
  --   output:sum(), #calls --> 2.0 0

  -- Which modules are run while a classic forward is under way: a list of {module, input, output}, or
  -- nil outside of one.
  local calls

  local entered = 0

  function tape.enter()
    entered = entered + 1
    return entered
  end

  function tape.note(module, input, output, depth, order)
    if calls then
      calls[#calls + 1] = { module = module, input = input, output = output, depth = depth, order = order }
    end
  end

  local criterions = setmetatable({}, { __mode = "k" }) -- by class: whether it is one of criterions

  local function is_criterion(module)
    local class = debug.getmetatable(module)
    if criterions[class] == nil then criterions[class] = torch.isTypeOf(module, "nn.Criterion") end
    return criterions[class]
  end

  -- What was made while recording becomes the modules' outputs; criterions' are numbers.
  function tape.keep(made, originals)
    for _, call in ipairs(made) do
      local output = map(call.output, function(t)
        return originals and originals[torch.pointer(t)] or t:detach()
      end)
      if is_criterion(call.module) and call.module.reduction ~= "none" then output = output:item() end
      call.module.output = output
    end
  end

  function tape.record(f, ...)
    local outer, mode = calls, torch._setgrad(true)
    calls = {}
    local result = table.pack(pcall(f, ...))
    local made = calls
    calls = outer
    torch._setgrad(mode)
    if not result[1] then error(result[2], 0) end
    return result[2], made
  end

  local half, classic

  function tape.half() return half, classic end

  function tape.gradients(recorded, gradOutput, opts)
    local wanted, at = {}, {}
    local function want(t)
      if t.requiresGrad then
        local key = torch.pointer(t)
        if not at[key] then
          wanted[#wanted + 1] = t
          at[key] = #wanted
        end
      end
    end
    each(recorded.leaves, want)
    for _, call in ipairs(recorded.calls) do each(call.input, want) end
    local outputs, grads = {}, {}
    local given = tape.flatten(gradOutput)
    each(recorded.output, function(t)
      local g = table.remove(given, 1)
      if t.requiresGrad then
        outputs[#outputs + 1], grads[#grads + 1] = t, g
      end
    end)
    local found = {}
    if #outputs > 0 and (#wanted > 0 or opts.accumulate) then -- torch.grad takes no inputs for all leaves
      local scale, outer, inside = nn._scale, half, classic
      local strict = torch._currentValues(torch._torch7())
      nn._scale, half, classic = opts.scale or 1, opts.half, true
      local ok, result = pcall(torch.grad, outputs, wanted, grads, {
        retainGraph = true, accumulate = opts.accumulate, scale = nn._scale,
      })
      nn._scale, half, classic = scale, outer, inside
      torch._currentValues(strict)
      if not ok then error(result, 0) end
      found = result
    end
    local function gradient(t)
      local k = at[torch.pointer(t)]
      if k and found[k] then return found[k]:contiguous() end
      return torch.zerosLike(t:detach()) -- the output does not depend on it
    end
    for _, call in ipairs(recorded.calls) do -- those by hand have theirs
      local module = call.module
      if not module._by_hand or not module:_by_hand() then module.gradInput = map(call.input, gradient) end
    end
    return map(recorded.leaves, gradient)
  end
end
