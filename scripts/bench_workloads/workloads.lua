-- workloads.lua: the list of workloads.
--
-- Each has a name, a kind (op, train, memory, growth, startup) and build(), which makes the inputs and
-- returns step(): one timed call, of `inner` operations.  flop and bytes are the work of one operation: what
-- it must multiply and add, and what it must read and write; `cached` bytes stay in the caches.
-- Those marked `counted` are so small that the calls are what costs: their instructions are counted only.
-- where: "cuda" for those that want a GPU, "on request" for those that are not listed.  A step of `count`
-- things, which `per` names, gives a rate.  Steps of training and forward passes may be
-- captured as graphs, unless they are marked `dynamic`.

local workloads = { list = {}, byname = {} }

--- Adds a workload: fields as above.
function workloads.add(name, fields)
  fields.name = name
  fields.kind = fields.kind or "op"
  workloads.list[#workloads.list + 1] = fields
  workloads.byname[name] = fields
end

--- step(): fresh gradients of y = f() with upstream gradient g; returns y and the gradients.
function workloads.backward(f, params, g)
  for _, p in ipairs(params) do p:requireGrad() end
  return function()
    for _, p in ipairs(params) do p.grad = nil end
    local y = f()
    y:backward(g)
    local grads = {}
    for i, p in ipairs(params) do grads[i] = p.grad end
    return y:detach(), table.unpack(grads)
  end
end

for _, name in ipairs { "ops", "conv", "models", "sequences", "loading", "throughput" } do
  require("bench_workloads." .. name)(workloads)
end

return workloads
