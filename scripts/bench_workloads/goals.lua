-- goals.lua: the kinds of workload, and how small Cresset's figure is to be beside PyTorch's.

local goals = {}

-- title; goal: of the geometric mean; each: the most that a single ratio may be, the goal where it is
-- missing.  A workload belongs to the first kind that has a pattern for its name.
goals.kinds = {
  { title = "overhead", goal = 0.33, "^overhead%." },
  { title = "elementwise", goal = 0.9, each = 1, "^ew%." },
  { title = "matrix products", goal = 1, "^la%." },
  { title = "layers", goal = 1, "^conv%." },
  { title = "training, small or dynamic", goal = 0.5, "^train%.mlp_b1$", "^train%.char_", "^train%.treelstm",
    "_small$" },
  { title = "training, large", goal = 0.95, "^train%." },
  { title = "inference", goal = 0.5, "^infer%." },
  { title = "memory", goal = 0.6, "^memory%." },
  { title = "start-up", "^startup%." },
  { title = "data", "^data%." },
}

-- On a GPU, beside PyTorch's eager mode: half its time where starting the kernels is what takes the time.
goals.gpu_kinds = {
  { title = "the six models", goal = 1, "^throughput%." },
  { title = "small or dynamic", goal = 0.5, "^train%.mlp_b1$", "^train%.char_", "^train%.treelstm",
    "^infer%.", "^overhead%." },
  { title = "training", goal = 1, "^train%." },
  { title = "layers", goal = 1, "^conv%." },
  { title = "matrix products", goal = 1, "^la%." },
  { title = "elementwise", goal = 1, "^ew%." },
  { title = "memory", goal = 1, "^memory%." },
}

for _, kinds in ipairs { goals.kinds, goals.gpu_kinds } do
  for i, kind in ipairs(kinds) do kind.place, kind.each = i, kind.each or kind.goal end
end

--- The kind of a workload on a device ("cuda", or nil for the CPU).
function goals.kind(name, device)
  local kinds = device and goals.gpu_kinds or goals.kinds
  for _, kind in ipairs(kinds) do
    for _, pattern in ipairs(kind) do
      if name:match(pattern) then return kind end
    end
  end
  return { title = name:match("^[^.]+"), place = #kinds + 1 }
end

--- Whether a ratio reaches a goal, as a word; nil without a goal.
function goals.word(ratio, goal)
  return ratio and goal and (ratio <= goal and "met" or "MISSED") or nil
end

return goals
