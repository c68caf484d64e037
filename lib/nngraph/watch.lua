-- watch.lua: node.data.input and node.data.gradOutput, which are worked out when somebody looks at them.
--
-- Torch7's protocol leaves in every node what it was given, forward and backward.  Here the modules' outputs
-- and gradInputs have it all; only the first node's input and the last one's gradOutput are kept.

local nesting = require "nngraph.nesting"

return function(nngraph)
  -- What a step gives, as far as the modules still know.
  local function value_of(plan, i)
    local data = plan.data[i]
    if not plan.bare[i] then return data.module.output end
    local input = data.input
    if not input then return nil end
    local x = input
    if #input == 1 then x = input[1] end
    if rawget(data, "selectindex") then return x and x[data.selectindex] end
    return x
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

  -- The gradients that the users of a step gave, which are to be added up.
  local function grad_output_of(plan, i)
    local list = {}
    for j = i + 1, plan.n do
      local data, sources = plan.data[j], plan.sources[j]
      for k, source in ipairs(sources) do
        if source == i then
          local g
          if plan.bare[j] then g = sum(data.gradOutput) else g = data.module.gradInput end
          if rawget(data, "selectindex") then
            list[1] = list[1] or {}
            list[1][data.selectindex] = g
          else
            list[#list + 1] = #sources == 1 and g or g and g[k]
          end
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
