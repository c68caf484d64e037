-- graph: what a network computes, as the message that TensorBoard draws: every operator of one run, grouped
-- by the module that called it, with the parameters and the input that go into it.

local torch = require "torch"
local events = require "tensorboard._events"

local function shape_of(x)
  local dims = {}
  for i, size in ipairs(x.shape) do dims[i] = { size = size } end
  return { dim = dims }
end

-- "Sequential/2/0" for the module "2.0".
local function path_of(root, name)
  return name == "" and root or root .. "/" .. name:gsub("%.", "/")
end

-- Which module each node of the tape belongs to: the innermost that was running.
local function scopes_of(calls, root, each)
  local scopes, inner_first = {}, table.move(calls, 1, #calls, 1, {})
  table.sort(inner_first, function(a, b)
    if a.depth ~= b.depth then return a.depth > b.depth end
    return a.order < b.order
  end)
  for _, call in ipairs(inner_first) do
    local seen, stack = {}, {}
    each(call.input, function(t) if t.gradFn then seen[t.gradFn] = true end end)
    each(call.output, function(t) stack[#stack + 1] = t.gradFn end)
    while #stack > 0 do
      local node = table.remove(stack)
      if not seen[node] then
        seen[node] = true
        scopes[node] = scopes[node] or path_of(root, call.name)
        for _, from in ipairs(node.inputs) do
          if from and not torch.isTensor(from) then stack[#stack + 1] = from end
        end
      end
    end
  end
  return scopes
end

-- The names of leaves by their addresses: the network's parameters and its input.
local function leaf_names(model, root, input, each)
  local names = {}
  for _, entry in ipairs(model:namedParameters()) do
    names[torch.pointer(entry.tensor)] = { path_of(root, entry.name), "Parameter" }
  end
  local count = 0
  each(input, function(t)
    count = count + 1
    names[torch.pointer(t)] = { count == 1 and "input" or "input_" .. count, "Placeholder" }
  end)
  return names
end

local function attributes(x, node)
  local list = { { key = "_output_shapes", value = { list = { shape = { shape_of(x) } } } } }
  local keys = {}
  for key in pairs(node and node.attributes or {}) do
    if type(key) == "string" and key ~= "code" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    list[#list + 1] = { key = key, value = { s = tostring(node.attributes[key]) } }
  end
  return list
end

-- The message of a run: calls as nn's inspection gives them, the output.
local function message(model, calls, output, each)
  local root = torch.typename(model):match("[^.]+$")
  local scopes = scopes_of(calls, root, each)
  local leaves, named, used, list = leaf_names(model, root, calls[1].input, each), {}, {}, {}

  local function unique(name)
    used[name] = (used[name] or 0) + 1
    return used[name] == 1 and name or ("%s_%d"):format(name, used[name] - 1)
  end

  local function leaf(t)
    local key = torch.pointer(t)
    if not named[key] then
      local known = leaves[key] or { root .. "/constant", "Const" }
      named[key] = unique(known[1])
      list[#list + 1] = { name = named[key], op = known[2], attr = attributes(t) }
    end
    return named[key]
  end

  -- With a stack of its own: chains may be long. A node is written when all its inputs are.
  local function add(first)
    local stack = { first }
    while #stack > 0 do
      local node, waits = stack[#stack], false
      for _, from in ipairs(node.inputs) do
        if from and not torch.isTensor(from) and not named[from] then
          stack[#stack + 1], waits = from, true
        end
      end
      if not waits then
        table.remove(stack)
        if not named[node] then
          local inputs = {}
          for _, from in ipairs(node.inputs) do
            if from then inputs[#inputs + 1] = torch.isTensor(from) and leaf(from) or named[from] end
          end
          named[node] = unique((scopes[node] or root) .. "/" .. node.name)
          list[#list + 1] = { name = named[node], op = node.name, input = inputs,
            attr = attributes(node.outputs[1], node) }
        end
      end
    end
  end

  each(output, function(t)
    if t.gradFn then add(t.gradFn) end
    list[#list + 1] = { name = unique("output"), op = "Output", attr = attributes(t),
      input = { t.gradFn and named[t.gradFn] or leaf(t) } }
  end)
  return { node = list, versions = { producer = 22 } }
end

-- The bytes of the graph of model(input), which is run once, evaluating, and left as it was.
return function(fn, model, input)
  local nn = require "nn"
  local inspect = nn.Module._inspect
  local x = inspect.input_for(fn, model, input)
  return inspect.undisturbed(model, function()
    model:evaluate()
    local calls, output = inspect.run(model, x)
    return events.pack("GraphDef", message(model, calls, output, nn.tape.each))
  end)
end
