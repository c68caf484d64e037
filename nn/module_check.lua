-- module_check.lua: what is wrong with a model: a look at one step of training.

local raise = require("torch.caller").raise

return function(nn, torch)
  local Module, tape = nn.Module, nn.tape
  local inspect, statistics = Module._inspect, Module._statistics

  -- Classes whose output is zero by chance, or has no units.
  local function by_chance(m) return torch.typename(m):find "Dropout" or torch.typename(m):find "DropPath" end

  -- Units are along the dimension before last of an image's three, the second of a batch's.
  local function dead_units(y)
    if y:dim() < 2 or y:nElement() == 0 then return 0, 0 end
    local units = y:detach():transpose(1, 2):contiguous():view(y:size(2), -1)
    return torch.abs(units):max(2):eq(0):sum(), y:size(2)
  end

  local function saturated(m, y)
    local name = torch.typename(m)
    local lo, hi = 0, 1
    if name:find "Tanh$" then lo = -1 elseif not name:find "Sigmoid$" then return 0 end
    local edge = 0.01 * (hi - lo)
    local at_edge = torch.logicalOr(torch.gt(y, hi - edge), torch.lt(y, lo + edge))
    return at_edge:sum() / math.max(y:nElement(), 1)
  end

  local function check_outputs(calls, found)
    for _, call in ipairs(calls) do
      local function say(kind, ...) found(kind, call.name, call.module, ...) end
      local bad = statistics(call.output).bad
      if bad > 0 then
        local before = statistics(call.input).bad
        if before == 0 and call.leaf then say("nan", "%d elements of its output are NaN or infinite", bad) end
      elseif call.leaf and torch.isTensor(call.output) then
        local dead, units = dead_units(call.output)
        if dead > 0 and not by_chance(call.module) then
          say("dead", "%d of %d units are zero for the whole input", dead, units)
        end
        local part = saturated(call.module, call.output:detach())
        if part > 0.9 then say("saturated", "%d %% of its output is at the ends", math.floor(100 * part)) end
      end
    end
  end

  -- The root of the mean square of a gradient, of which a model that learns has similar ones everywhere.
  local function size_of(g)
    return math.sqrt(torch.square(g:detach():double()):mean())
  end

  local function check_gradients(model, loss, found)
    local entries, tensors = {}, {}
    for _, entry in ipairs(model:namedParameters()) do
      if not entry.module._frozen and not entry.tensor.requiresGrad then -- it has never been run
        found("unused", entry.name, entry.module, "the loss does not depend on it")
      elseif not entry.module._frozen then
        entries[#entries + 1], tensors[#tensors + 1] = entry, entry.tensor
      end
    end
    if #tensors == 0 then return end
    local grads = loss.requiresGrad and torch.grad(loss, tensors, nil, { allowUnused = true }) or {}
    local sizes = {}
    for i, entry in ipairs(entries) do
      local g = grads[i]
      if not g then
        found("unused", entry.name, entry.module, "the loss does not depend on it")
      elseif statistics(g).bad > 0 then
        found("nan", entry.name, entry.module, "its gradient has NaN or infinite elements")
      elseif g:nElement() > 0 and size_of(g) == 0 then
        found("zero", entry.name, entry.module, "its gradient is zero everywhere")
      elseif g:nElement() > 0 then
        sizes[#sizes + 1] = { size_of(g), entry }
      end
    end
    if #sizes < 2 then return end
    local sorted = {}
    for i, pair in ipairs(sizes) do sorted[i] = pair[1] end
    table.sort(sorted)
    local middle = sorted[(#sorted + 1) // 2]
    for _, pair in ipairs(sizes) do
      local ratio, entry = pair[1] / middle, pair[2]
      if ratio < 1e-4 and entry.tensor:dim() > 1 then -- a bias in front of a normalisation has none
        found("vanishing", entry.name, entry.module, "its gradient is %.1e of the others'", ratio)
      elseif ratio > 1e4 then
        found("exploding", entry.name, entry.module, "its gradient is %.1e times the others'", ratio)
      end
    end
  end

  --- nn.check(model, input [, options])
  --
  -- Runs one step of training, forward and backward, and says what looks wrong: elements that are NaN or
  -- infinite (kind "nan", at the module they come from), units that are zero for the whole input ("dead"),
  -- sigmoids and tanhs at their ends ("saturated"), parameters that the loss does not depend on
  -- ("unused"), whose gradient is zero ("zero") or 1e4 times smaller or greater than the median of all
  -- ("vanishing", "exploding").  The model, its gradients and buffers are left as they were.
  --
  -- model: nn.Module
  -- input: tensor, or table of tensors; or sizes for random numbers
  -- options: table: criterion and target, for the loss; without them it is the mean square of the output
  -- Returns: a list of tables with kind, name, module and text; tostring gives all as a text
  -- Errors: model is no module; it does not take the input
  -- Example:
  --   net = nn.Sequential():add(nn.Linear(3, 4)):add(nn.ReLU())
  --   net:get(1).bias:fill(-100)
  --   report = nn.check(net, torch.ones(5, 3))
  --   report[1].kind, report[1].name --> dead 1
  function nn.check(model, input, options)
    if not torch.isTypeOf(model, "nn.Module") then
      raise("nn.check: got a %s, wanted a module", torch.type(model))
    end
    options = options or {}
    local x = inspect.input_for("nn.check", model, input)
    local list = {}
    local function found(kind, name, module, text, ...)
      list[#list + 1] = { kind = kind, name = name, module = module, text = text:format(...) }
    end
    inspect.undisturbed(model, function()
      torch.enableGrad(function()
        local calls, output = inspect.run(model, x)
        check_outputs(calls, found)
        local loss
        if options.criterion then
          loss = options.criterion(output, options.target)
        else
          for _, t in ipairs(tape.flatten(output)) do
            local part = torch.square(t):mean()
            loss = loss and loss + part or part
          end
        end
        if torch.isTensor(loss) then check_gradients(model, loss, found) end
      end)
    end)
    return setmetatable(list, {
      __tostring = function(rows)
        if #rows == 0 then return "nothing found" end
        local lines = {}
        for i, row in ipairs(rows) do
          lines[i] = ("%s: %s (%s): %s"):format(row.kind, row.name ~= "" and row.name or "the model",
            torch.typename(row.module), row.text)
        end
        return table.concat(lines, "\n")
      end,
    })
  end
end
