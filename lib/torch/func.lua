-- func: automatic differentiation of functions: torch.func.grad, vjp, jvp, jacobian, hessian, ..

local tracing = require "torch.tracing"
local tree = require "torch.tree"
local raise = require("torch.caller").raise

local recording, start = tracing.recording, tracing.start
local check_function, check_loss = tracing.check_function, tracing.check_loss
local check_outputs, list_of, all_of = tracing.check_outputs, tracing.list_of, tracing.all_of

return function(torch)
  local func = {}
  torch.func = func
  func._depth = tracing.depth

  -- ---- gradients ---------------------------------------------------------------------------------------

  -- The call, and its gradients in a table of one entry for each of `wanted`.  Further option: `seed`,
  -- a factor for f's result.
  local function differentiate(name, f, args, wanted, options)
    local call = start(name, f, args, wanted, options)
    local loss, seed = call.results[1], options and options.seed
    if not seed then check_loss(name, loss) end
    local grads = call:gradients({ loss }, seed and { seed }, { createGraph = call:matters { loss } })
    call:finish()
    return call, call:nested(wanted, grads)
  end
  func._differentiate = differentiate

  --- torch.func.grad(f [, argnums]); torch.func.valueAndGrad(f [, argnums])
  --
  -- The function that gives the gradient of f.  It takes the arguments of f; an argument may be a tensor
  -- or a nested table of tensors, and its gradient has the same nesting, with zeros where f does not
  -- depend on a tensor.  Nothing is left on the arguments.  What f returns after the loss is passed
  -- through.  Works inside of itself for higher derivatives, and inside torch.noGrad.
  --
  -- f: function that gives a tensor of one element, and maybe more
  -- argnums: number of the argument to differentiate by, 1 by default; or a table of such numbers
  -- Returns: a function; it gives the gradient (for a table of argnums a table of them), then f's further
  --   results.  That of valueAndGrad gives f's first result before
  -- Errors: of the function: f gave no tensor of one element; an argument is not of a float type; f
  --   changed it in place
  -- From: JAX
  -- Example:
  --   f = function(x) return torch.pow(x, 3):sum() end
  --   torch.func.grad(f)(torch.Tensor { 2 })[1] --> 12.0
  --   torch.func.grad(torch.func.grad(f))(torch.Tensor { 2 })[1] --> 12.0
  --   torch.func.valueAndGrad(f)(torch.Tensor { 2 }):item() --> 8.0
  function func.grad(f, argnums)
    check_function("torch.func.grad", f)
    local wanted = list_of("torch.func.grad", argnums)
    return function(...)
      local call, grads = differentiate("torch.func.grad", f, table.pack(...), wanted)
      return type(argnums) == "table" and grads or grads[1], call:results_from(2)
    end
  end

  function func.valueAndGrad(f, argnums)
    check_function("torch.func.valueAndGrad", f)
    local wanted = list_of("torch.func.valueAndGrad", argnums)
    return function(...)
      local call, grads = differentiate("torch.func.valueAndGrad", f, table.pack(...), wanted)
      return call:release(call.results[1]), type(argnums) == "table" and grads or grads[1],
        call:results_from(2)
    end
  end

  -- ---- products with the Jacobian ------------------------------------------------------------------------

  -- The tensors of `given` that stand where those of `like` do, false where there is none.
  local function matching(name, what, like, given)
    local list = {}
    local function pick(a, b, path)
      if torch.isTensor(a) then
        if b and not torch.isTensor(b) then
          raise("%s: %s is a %s, wanted a tensor of shape %s", name, path, torch.type(b),
            table.concat(a.shape, "x"))
        elseif b and not a:isSameSizeAs(b) then
          raise("%s: %s has shape %s, wanted %s", name, path, table.concat(b.shape, "x"),
            table.concat(a.shape, "x"))
        end
        list[#list + 1] = b or false
      elseif tree.isNode(a) then
        if b and not tree.isNode(b) then
          raise("%s: %s is a %s, wanted a table like the arguments'", name, path, torch.type(b))
        end
        for _, k in ipairs(tree.keys(a)) do
          pick(a[k], b and b[k], ("%s[%s]"):format(path, tostring(k)))
        end
      end
    end
    pick(like, given, what)
    return list
  end

  local function any_recorded(tensors)
    for _, t in ipairs(tensors) do
      if t and t.requiresGrad then return true end
    end
    return false
  end

  --- torch.func.vjp(f, ...)
  --
  -- The result of f, and the function that multiplies from the left with the Jacobian.
  --
  -- f: function that gives a tensor or a nested table of tensors, and maybe more, which is passed through
  -- ...: its arguments: tensors, or nested tables of them
  -- Returns: f's first result; a function; f's further results.  The function takes a factor for the
  --   result, of its nesting (none for a single element), and gives a gradient for each argument; it may be
  --   called any number of times
  -- Errors: as for torch.func.grad; the factor has another shape than the result
  -- From: PyTorch
  -- Example:
  --   y, pull = torch.func.vjp(torch.sin, torch.zeros(2))
  --   table.concat(pull(torch.Tensor { 3, 4 }):totable(), " ") --> 3.0 4.0
  function func.vjp(f, ...)
    check_function("torch.func.vjp", f)
    local args = table.pack(...)
    local wanted = all_of(args)
    local call = start("torch.func.vjp", f, args, wanted)
    local result = call.results[1]
    local outputs = check_outputs("torch.func.vjp", result)
    local matters = call:matters(outputs)
    call:finish()
    local function pull(factors)
      local seeds
      if factors ~= nil then seeds = matching("torch.func.vjp", "the factor", result, factors) end
      for _, t in ipairs(outputs) do
        if not seeds and t:nElement() ~= 1 then
          raise("torch.func.vjp: the result has shape %s; give a factor of its shape",
            table.concat(t.shape, "x"))
        end
      end
      local create = torch.isGradEnabled() and (matters or seeds and any_recorded(seeds))
      call:resume()
      local grads = call:gradients(outputs, seeds, { retainGraph = true, createGraph = create })
      call:finish()
      return table.unpack(call:nested(wanted, grads), 1, #wanted)
    end
    return call:release(result), pull, call:results_from(2)
  end

  -- primals as packed arguments: a tensor is the only one.
  local function packed(name, primals)
    if torch.isTensor(primals) then return { primals, n = 1 } end
    if not tree.isNode(primals) then
      raise("%s: the arguments are given as a tensor or a table, got a %s", name, torch.type(primals))
    end
    if #primals == 0 then
      raise("%s: wanted a tensor or a table of the function's arguments; put one table in a table", name)
    end
    return table.pack(table.unpack(primals))
  end

  -- For the outputs of a call, the gradients of the inputs as a linear function of factors u, with those
  -- factors: what is multiplied with tangents is a derivative of that by u.
  local function transposed(call, outputs)
    local roots, factors = {}, {}
    for i, t in ipairs(outputs) do
      if t.requiresGrad then
        roots[#roots + 1] = t
        factors[i] = torch.zerosLike(t:detach()):requireGrad()
      end
    end
    if #roots == 0 then return {}, factors end
    local list = {}
    for i = 1, #outputs do list[#list + 1] = factors[i] end
    return torch.grad(roots, call.inputs, list, { createGraph = true }), factors
  end

  -- The derivatives of the outputs along tangents, of which there is one for each input, or false.
  local function push_forward(columns, factors, outputs, tangents, options)
    local roots, seeds, by = {}, {}, {}
    for i, v in ipairs(tangents) do
      if v and columns[i] and columns[i].requiresGrad then
        roots[#roots + 1], seeds[#seeds + 1] = columns[i], v
      end
    end
    for i = 1, #outputs do by[#by + 1] = factors[i] end
    local found = #roots > 0 and #by > 0 and torch.grad(roots, by, seeds, options) or {}
    local out, at = {}, 0
    for i, t in ipairs(outputs) do
      if factors[i] then at = at + 1 end
      out[i] = factors[i] and found[at] or torch.zerosLike(t:detach())
    end
    return out, by
  end

  local function let_go(leaves)
    for _, leaf in ipairs(leaves) do leaf:requireGrad(false) end
  end

  --- torch.func.jvp(f, primals, tangents)
  --
  -- The result of f, and its derivative along a direction: the Jacobian times the tangents.
  --
  -- Computed by two backward runs, so every operator in f must be twice differentiable.
  --
  -- f: function that gives a tensor or a nested table of tensors, and maybe more, which is passed through
  -- primals: a tensor, or a table of f's arguments
  -- tangents: the like of primals; false or nothing in the place of a tensor for zeros
  -- Returns: f's first result; the derivative, of its nesting; f's further results
  -- Errors: as for torch.func.grad; a tangent has another shape than its primal
  -- From: PyTorch
  -- Example:
  --   y, dy = torch.func.jvp(torch.cmul, { torch.ones(2), torch.range(1, 2) }, { torch.ones(2), false })
  --   table.concat(dy:totable(), " ") --> 1.0 2.0
  function func.jvp(f, primals, tangents)
    local name = "torch.func.jvp"
    check_function(name, f)
    local args, along = packed(name, primals), packed(name, tangents)
    local call = start(name, f, args, all_of(args))
    local result = call.results[1]
    local outputs = check_outputs(name, result)
    local directions = matching(name, "tangents", table.move(args, 1, args.n, 1, {}), along)
    local create = call:matters(outputs) or call.outer and any_recorded(directions)
    local columns, factors = recording(transposed, call, outputs)
    local options = { createGraph = create }
    local derivatives, leaves = push_forward(columns, factors, outputs, directions, options)
    let_go(leaves)
    call:finish()
    local nested = tree.fill(result, derivatives)
    return call:release(result), nested, call:results_from(2)
  end

  -- ---- Jacobians ----------------------------------------------------------------------------------------

  local function joined(a, b)
    return table.move(b, 1, #b, #a + 1, table.move(a, 1, #a, 1, {}))
  end

  -- A tensor of a shape from its rows or columns, which are stacked along dim; zeros when there are none.
  local function assembled(list, dim, shape, like)
    if #list == 0 then return torch.reshape(like:detach().new(0), shape) end
    return torch.reshape(torch.stack(list, dim), shape)
  end

  -- A tensor like t, zero but for element i, which is 1.
  local function unit(t, i)
    local e = torch.zeros(t:nElement(), t:type())
    e[i] = 1
    return torch.reshape(e, t.shape)
  end

  -- The Jacobian of each output by each input, row by row: one backward for each element of an output.
  local function by_rows(call, outputs, create)
    local all = {}
    for o, out in ipairs(outputs) do
      local rows = {}
      for i = 1, #call.inputs do rows[i] = {} end
      for e = 1, out:nElement() do
        local grads = call:gradients({ out }, { unit(out, e) }, { retainGraph = true, createGraph = create })
        for i, g in ipairs(grads) do rows[i][e] = g end
      end
      all[o] = {}
      for i, t in ipairs(call.inputs) do all[o][i] = assembled(rows[i], 1, joined(out.shape, t.shape), t) end
    end
    return all
  end

  -- The same column by column: one run for each element of an input.
  local function by_columns(call, outputs, create)
    local columns, factors = recording(transposed, call, outputs)
    local all, leaves = {}, {}
    for o = 1, #outputs do all[o] = {} end
    for i, t in ipairs(call.inputs) do
      local tangents, parts = {}, {}
      for k = 1, #call.inputs do tangents[k] = false end
      for o = 1, #outputs do parts[o] = {} end
      for e = 1, t:nElement() do
        local found
        tangents[i] = unit(t, e)
        found, leaves = push_forward(columns, factors, outputs, tangents,
          { retainGraph = true, createGraph = create })
        for o, v in ipairs(found) do parts[o][e] = v end
      end
      for o, out in ipairs(outputs) do
        all[o][i] = assembled(parts[o], -1, joined(out.shape, t.shape), out)
      end
    end
    let_go(leaves)
    return all
  end

  -- The call, and for each of `wanted` the Jacobians: the nesting of the result, then that of the argument.
  local function jacobians(name, f, args, wanted, method)
    local call = start(name, f, args, wanted)
    local result = call.results[1]
    local outputs = check_outputs(name, result)
    local all = method(call, outputs, call:matters(outputs))
    call:finish()
    local by_output = {}
    for o in ipairs(outputs) do by_output[o] = call:nested(wanted, all[o]) end
    local out = {}
    for i = 1, #wanted do
      local at = 0
      out[i] = tree.map(result, function()
        at = at + 1
        return by_output[at][i]
      end)
    end
    return call, out
  end

  --- torch.func.jacobian(f, ...)
  --
  -- The derivatives of every element of f's result by every element of its arguments.  Computed as by
  -- torch.func.jacrev.
  --
  -- f: function that gives a tensor or a nested table of tensors
  -- ...: its arguments: tensors, or nested tables of them
  -- Returns: for each argument a tensor of the shape of the result followed by the shape of the
  --   argument; where the result is a nested table a table of that nesting, in which such of the argument's
  --   nesting lie
  -- Errors: as for torch.func.grad
  -- From: PyTorch
  -- Example:
  --   x = torch.Tensor { 1, 2 }
  --   J = torch.func.jacobian(function(x) return torch.pow(x, 2) end, x)
  --   table.concat(torch.flatten(J):totable(), " ") --> 2.0 0.0 0.0 4.0
  function func.jacobian(f, ...)
    check_function("torch.func.jacobian", f)
    local args = table.pack(...)
    local _, list = jacobians("torch.func.jacobian", f, args, all_of(args), by_rows)
    return table.unpack(list, 1, args.n)
  end

  --- torch.func.jacrev(f [, argnums]); torch.func.jacfwd(f [, argnums])
  --
  -- The function that gives the Jacobian of f, as torch.func.jacobian does: jacrev with one backward run
  -- for each element of the result, better for few results; jacfwd with one for each element of the
  -- argument, better for few arguments, when every operator in f is twice differentiable.
  --
  -- f: function that gives a tensor or a nested table of tensors, and maybe more, which is passed through
  -- argnums: number of the argument to differentiate by, 1 by default; or a table of such numbers
  -- Returns: a function of f's arguments; it gives the Jacobian (for a table of argnums a table of
  --   them), then f's further results
  -- Errors: as for torch.func.grad
  -- From: JAX
  -- Example:
  --   f = function(x) return torch.pow(x, 2) end
  --   torch.func.jacrev(f)(torch.ones(3)):sum(), torch.func.jacfwd(f)(torch.ones(3)):sum() --> 6.0 6.0
  local function jacobian_function(name, method)
    return function(f, argnums)
      check_function(name, f)
      local wanted = list_of(name, argnums)
      return function(...)
        local call, list = jacobians(name, f, table.pack(...), wanted, method)
        return type(argnums) == "table" and list or list[1], call:results_from(2)
      end
    end
  end
  func.jacrev = jacobian_function("torch.func.jacrev", by_rows)
  func.jacfwd = jacobian_function("torch.func.jacfwd", by_columns)

  -- ---- second derivatives -------------------------------------------------------------------------------

  --- torch.func.hessian(f, ...)
  --
  -- The second derivatives of f: the Jacobian of its gradient.
  --
  -- f: function that gives a tensor of one element
  -- ...: its arguments: tensors, or nested tables of them
  -- Returns: for one argument a tensor of its shape twice over (where it is a nested table, a table of its
  --   nesting of tables of its nesting); for several a table H, where H[i][j] belongs to arguments i and j
  -- Errors: as for torch.func.grad
  -- From: PyTorch
  -- Example:
  --   f = function(x) return x[1] * x[2] end
  --   table.concat(torch.flatten(torch.func.hessian(f, torch.ones(2))):totable(), " ") --> 0.0 1.0 1.0 0.0
  function func.hessian(f, ...)
    local name = "torch.func.hessian"
    check_function(name, f)
    local args = table.pack(...)
    local wanted = all_of(args)
    local function gradient(...)
      local _, grads = differentiate(name, f, table.pack(...), wanted)
      return grads
    end
    local _, columns = jacobians(name, gradient, args, wanted, by_rows)
    if args.n == 1 then return columns[1][1] end
    local rows = {}
    for i = 1, args.n do
      rows[i] = {}
      for j = 1, args.n do rows[i][j] = columns[j][i] end
    end
    return rows
  end

  --- torch.func.hvp(f, primals, tangents); torch.func.vhp(f, primals, tangents)
  --
  -- The value of f, and its matrix of second derivatives times the tangents, without computing that
  -- matrix: a gradient of the gradient.  The matrix is symmetric, so the two are the same.
  --
  -- f: function that gives a tensor of one element, and maybe more, which is passed through
  -- primals: a tensor, or a table of f's arguments
  -- tangents: the like of primals; false or nothing in the place of a tensor for zeros
  -- Returns: f's first result; the product, the like of primals; f's further results
  -- Errors: as for torch.func.grad; a tangent has another shape than its primal
  -- From: PyTorch
  -- Example:
  --   f = function(x) return torch.pow(x, 3):sum() end
  --   y, product = torch.func.hvp(f, torch.Tensor { 1, 2 }, torch.Tensor { 1, 10 })
  --   table.concat(product:totable(), " ") --> 6.0 120.0
  local function second_product(name)
    return function(f, primals, tangents)
      check_function(name, f)
      local args, along = packed(name, primals), packed(name, tangents)
      local wanted = all_of(args)
      local call = start(name, f, args, wanted)
      local loss = check_loss(name, call.results[1])
      local directions = matching(name, "tangents", table.move(args, 1, args.n, 1, {}), along)
      local create = call:matters { loss } or call.outer and any_recorded(directions)
      local first = recording(call.gradients, call, { loss }, nil, { createGraph = true })
      local products = call:nested(wanted, call:gradients(first, directions, { createGraph = create }))
      call:finish()
      return call:release(loss), torch.isTensor(primals) and products[1] or products, call:results_from(2)
    end
  end
  func.hvp = second_product("torch.func.hvp")
  func.vhp = second_product("torch.func.vhp")
end
