-- watch.lua: node.data.input and node.data.gradOutput, which are worked out when somebody looks at them.
--
-- Torch7's protocol leaves in every node what it was given, forward and backward.  Here the modules' outputs
-- and gradInputs have it all; only the first node's input and the last one's gradOutput are kept.

local nesting = require "nngraph.nesting"

return function(nngraph, _, torch)
  -- What a module has kept; nothing from one that has not run, whose output and gradInput are empty.
  local function kept(value)
    if torch.isTensor(value) and value:nElement() == 0 then return nil end
    return value
  end

  -- Entry k of a table, or what stands alone.
  local function entry(value, k, alone)
    if alone then return value end
    return type(value) == "table" and value[k] or nil
  end

  -- What a step gives.
  local function value_of(plan, i)
    local data = plan.data[i]
    if not plan.bare[i] then return kept(data.module.output) end
    local input = data.input
    local x = input and entry(input, 1, #input > 1)
    local part = rawget(data, "selectindex")
    return entry(x, part, not part)
  end

  local function input_of(plan, i)
    local list = {}
    for k, source in ipairs(plan.sources[i]) do list[k] = value_of(plan, source) end
    return #list > 0 and list or nil
  end

  local function sum(list)
    if not list or #list < 2 then return list and list[1] end
    local total = nesting.cloneNested(list[1])
    for k = 2, #list do nesting.addNestedTo(total, list[k]) end
    return total
  end

  -- The gradient of a step's input.
  local function gradient_of(plan, i)
    local data = plan.data[i]
    if plan.bare[i] then return sum(data.gradOutput) end
    return kept(data.module.gradInput)
  end

  -- The gradients that the users of a step gave, which are to be added up.
  local function grad_output_of(plan, i)
    local list = {}
    for j = i + 1, plan.n do
      local part, sources = rawget(plan.data[j], "selectindex"), plan.sources[j]
      for k, source in ipairs(sources) do
        local g = source == i and gradient_of(plan, j)
        if g and part then
          list[1] = list[1] or {}
          list[1][part] = g
        elseif g then
          list[#list + 1] = entry(g, k, #sources == 1)
        end
      end
    end
    return #list > 0 and list or nil
  end

  -- Has the data of a plan's nodes answer for these fields.
  function nngraph._watch(plan)
    local watched = {
      __index = function(data, key)
        local of = key == "input" and input_of or key == "gradOutput" and grad_output_of
        local i = of and plan.step[data] -- a copy's data have no step before it runs
        return i and of(plan, i) or nil
      end,
    }
    for _, data in ipairs(plan.data) do
      data.input, data.gradOutput, data.gradOutputBuffer = nil, nil, nil -- as old files have them
      setmetatable(data, watched)
    end
  end
end
