-- gmodule.lua: a module that is a graph of modules.

local utils = require "nngraph.utils"
local raise = require("torch.caller").raise

return function(nngraph, nn, torch)
  local gModule, parent = torch.class("nn.gModule", "nn.Container", nn)

  local PARAMETERS = "nnop.Parameters" -- the class of modules without an input, of another package

  -- The node that feeds the graph's inputs, put in front of them.
  local function connect_inputs(inputs)
    local innode = nngraph.Node {}
    for i = 1, #inputs do
      if #inputs[i].children > 0 then
        error(("nn.gModule: inputs[%d]: an input should have no inputs"):format(i), 0)
      end
    end
    if #inputs == 1 then
      inputs[1]:add(innode, true)
    else
      for i, part in ipairs { innode:split(#inputs) } do inputs[i]:add(part, true) end
    end
    return innode
  end

  -- The graph's first node, which has to be the one that feeds the inputs.
  local function first_node(fg, innode)
    local found
    for _, root in ipairs(fg:roots()) do
      if root.data == innode.data then
        found = root
      elseif torch.typename(root.data.module) ~= PARAMETERS then
        error(("nn.gModule: the node declared on %s has no input and is not among the inputs"):format(
          root.data.annotations._debugLabel), 0)
      end
    end
    return found or error("nn.gModule: the outputs do not depend on the inputs", 0)
  end

  -- Every part of a split, and every node that takes an input from the graph, has to lead to an output.
  local function check_use(nodes)
    local place = {}
    for i, node in ipairs(nodes) do place[node.data] = i end
    for _, node in ipairs(nodes) do
      local data = node.data
      if data.nSplitOutputs and data.nSplitOutputs ~= #node.children then
        error(("%d of split(%d) outputs from the node declared at %s are unused"):format(
          data.nSplitOutputs - #node.children, data.nSplitOutputs, data.annotations._debugLabel), 0)
      end
      for user in pairs(data.reverseMap) do
        if not place[user.data] then
          error(("node declared on %s does not connect to gmodule output"):format(
            user.data.annotations._debugLabel), 0)
        end
      end
    end
  end

  local function build(self, inputs, outputs)
    local outnode = nngraph.Node {}
    for _, list in ipairs { { outputs, "outputs" }, { inputs, "inputs" } } do
      local ok, why = utils.nodes(list[1], list[2])
      if not ok then error(why, 0) end
      if #list[1] == 0 then error(("nn.gModule: no %s are not supported"):format(list[2]), 0) end
    end
    for _, node in ipairs(outputs) do outnode:add(node, true) end
    local innode = connect_inputs(inputs)
    self.bg = outnode:graph()
    self.fg = self.bg:reverse()
    self.innode, self.outnode = first_node(self.fg, innode), outnode
    self.nInputs, self.verbose = #inputs, false
    self.forwardnodes, self.backwardnodes = self.fg:topsort(), self.bg:topsort()
    check_use(self.forwardnodes)
    for _, node in ipairs(self.forwardnodes) do
      node.data.forwardNodeId = node.id
      if node.data.module then self:add(node.data.module) end
    end
  end

  --- nn.gModule(inputs, outputs)
  --
  -- A module that runs a graph of nodes, which module(), module(node) and module({nodes}) made.  Its input is
  -- a tensor, or a table with one entry for each of several inputs; so is its output.  net.modules has the
  -- modules, net.forwardnodes the nodes, both in the order in which they run; net.fg and net.bg are the
  -- graph.Graph from the inputs to the outputs and back.  With net.verbose = true it prints every node
  -- that runs.
  --
  -- inputs: list of nodes that have no inputs yet
  -- outputs: list of nodes
  -- Returns: a module
  -- Errors: a node that uses one of the graph, or a part of a split, does not lead to an output; a node
  --   without input is not among the inputs; something in a list is no node
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   input = nn.Identity()()
  --   hidden = nn.Tanh()(nn.Linear(3, 4)(input))
  --   net = nn.gModule({ input }, { hidden, nn.Linear(4, 1)(hidden) })
  --   y = net:forward(torch.ones(5, 3))
  --   y[1]:size(2), y[2]:size(2), #net.modules --> 4 1 4
  function gModule:__init(inputs, outputs)
    parent.__init(self)
    local ok, why = pcall(build, self, inputs, outputs)
    if not ok then raise("%s", why) end
  end

  -- ---- running ----------------------------------------------------------------------------------------

  -- What is known of each graph's order, by module; not in the module, so that files do not have it.
  local plans = setmetatable({}, { __mode = "k" })

  -- For each step its node's data, and from which steps its inputs come: from[i] where there is one.
  -- bare[i] says that the node has no module.
  local function compile(self)
    local nodes, step = self.forwardnodes, {}
    local plan = { nodes = nodes, n = #nodes, step = step, data = {}, bare = {}, from = {}, sources = {} }
    for i, node in ipairs(nodes) do
      local data, sources = node.data, {}
      for k, source in ipairs(data.mapindex) do sources[k] = step[source] end
      step[data] = i
      plan.data[i], plan.sources[i], plan.bare[i] = data, sources, data.module == nil
      plan.from[i] = #sources == 1 and sources[1] or false
    end
    plan.first, plan.last = step[self.innode.data], step[self.outnode.data]
    nngraph._watch(plan)
    return plan
  end

  local function plan_of(self)
    local plan = plans[self]
    if not plan or plan.nodes ~= self.forwardnodes then
      plan = compile(self)
      plans[self] = plan
    end
    return plan
  end

  local function gather(values, sources)
    local list = {}
    for k = 1, #sources do list[k] = values[sources[k]] end
    return list
  end

  -- "split(2) at [script.lua]:12" of the node that fails.
  local function fail(data, message, ...)
    local annotations = data.annotations
    local name = annotations.name and ("'%s', "):format(annotations.name) or ""
    error(("nn.gModule: %s (%snode declared at %s)"):format(message:format(...), name,
      annotations._debugLabel), 0)
  end

  -- What a node without a module gives: its input, a part of it.
  local function pass(data, x)
    if rawget(data, "selectindex") then return x[data.selectindex] end
    local parts = rawget(data, "nSplitOutputs")
    if parts and not utils.istable(x) then
      fail(data, "split(%d) of a %s, wanted a table", parts, torch.type(x))
    elseif parts and #x ~= parts then
      fail(data, "split(%d) cannot split %d outputs", parts, #x)
    end
    return x
  end

  local function check_input(self, input)
    local n = self.nInputs
    if not n or n < 2 then return end -- old files do not say
    if not utils.istable(input) then
      error(("nn.gModule: expecting table of %d inputs, got a %s"):format(n, torch.type(input)), 0)
    elseif #input ~= n then
      error(("nn.gModule: Got %d inputs instead of %d"):format(#input, n), 0)
    end
  end

  local function evaluate(self, plan, input)
    check_input(self, input)
    local datas, bare, from, values = plan.data, plan.bare, plan.from, {}
    for i = 1, plan.n do
      local data, source = datas[i], from[i]
      local x
      plan.at = i
      if source then
        x = values[source]
      elseif i == plan.first then
        x = input
      else
        x = gather(values, plan.sources[i])
      end
      if bare[i] then x = pass(data, x) else x = data.module:_run(x) end
      values[i] = x
      if self.verbose then print(" V : " .. plan.nodes[i]:label()) end
    end
    plan.at = nil
    return values[plan.last]
  end

  function gModule:updateOutput(input, ...)
    if select("#", ...) > 0 then input = { input, ... } end
    local plan = plan_of(self)
    if nngraph._debugging then return nngraph._checked(self, plan, evaluate, self, plan, input) end
    return evaluate(self, plan, input)
  end

  -- "[3 name]": the module that runs is known even where several nodes have the same.
  function gModule:_place(inner)
    local plan = plans[self]
    local data = plan and plan.at and plan.data[plan.at]
    if not data or data.module ~= inner then return parent._place(self, inner) end
    local index = 0
    for i = 1, plan.at do index = plan.bare[i] and index or index + 1 end
    local name = data.annotations.name
    return name and ("[%d %s]"):format(index, name) or ("[%d]"):format(index)
  end

  function gModule:_record(f, input)
    local output = parent._record(self, f, input)
    self.innode.data.input = (self.nInputs or 1) > 1 and { table.unpack(input) } or { input }
    return output
  end

  function gModule:_gradients(record, gradOutput, opts)
    local plan = plan_of(self)
    local function run()
      local n = #plan.sources[plan.last]
      if n > 1 and (not utils.istable(gradOutput) or #gradOutput ~= n) then
        error(("nn.gModule: Got %s gradOutputs instead of %d"):format(
          utils.istable(gradOutput) and #gradOutput or torch.type(gradOutput), n), 0)
      end
      return parent._gradients(self, record, gradOutput, opts)
    end
    local gradInput = nngraph._debugging and nngraph._checked(self, plan, run) or run()
    self.outnode.data.gradOutput = { gradOutput }
    return gradInput
  end

  function gModule:clearState()
    for _, list in ipairs { self.forwardnodes, self.backwardnodes } do
      for _, node in ipairs(list) do
        node.data.input, node.data.gradOutput, node.data.gradOutputBuffer = nil, nil, nil
      end
    end
    return parent.clearState(self)
  end

  -- ---- the modules inside -----------------------------------------------------------------------------

  function gModule:replace(f)
    local new = {}
    for _, node in ipairs(self.forwardnodes) do
      local m = node.data.module
      if m then
        if new[m] == nil then new[m] = m:replace(f) end
        node.data.module = new[m]
      end
    end
    for i, m in ipairs(self.modules) do self.modules[i] = new[m] or m end
    return f(self)
  end

  --- nn.gModule:map(other, f)
  --
  -- Calls f with each module of a graph and the one in the same place of another.
  --
  -- other: nn.gModule of the same structure
  -- f: function of two modules
  -- Errors: the structures differ
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   input = nn.Identity()()
  --   net = nn.gModule({ input }, { nn.Linear(2, 2)(input) })
  --   copy, same = net:clone(), true
  --   net:map(copy, function(a, b) same = same and torch.typename(a) == torch.typename(b) end)
  --   same --> true
  function gModule:map(other, f)
    for i, node in ipairs(self.forwardnodes) do
      local twin = other.forwardnodes[i]
      if not twin or (node.data.module == nil) ~= (twin.data.module == nil) then
        error("nn.gModule:map: the graphs have different structures", 2)
      end
      if node.data.module then f(node.data.module, twin.data.module) end
    end
  end

  --- What torch.load calls: the fields, with a list of the modules where an old file has none.
  --
  -- file: torch.File
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   input = nn.Identity()()
  --   net = nn.gModule({ input }, { nn.Tanh()(input) })
  --   #torch.deserialize(torch.serialize(net)).modules --> 2
  function gModule:read(file)
    for k, v in pairs(file:readObject()) do self[k] = v end
    if self.modules then return end
    self.modules = {}
    for _, node in ipairs(self.forwardnodes) do
      if node.data.module then table.insert(self.modules, node.data.module) end
    end
  end

  function gModule:__tostring__()
    return self.name or torch.typename(self)
  end
end
