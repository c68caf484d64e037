-- module_summary.lua: what a model is made of and what a run of it gives, layer by layer.

local raise = require("torch.caller").raise

return function(nn, torch)
  local Module, tape = nn.Module, nn.tape

  -- ---- multiply-adds --------------------------------------------------------------------------------

  local function product(list, first)
    local n = 1
    for i = first or 1, #list do n = n * list[i] end
    return n
  end

  -- The multiply-adds of an operator on the tape, from the shapes of its inputs and its output.
  local multiplications = {
    linear = function(x, out) return product(out) * x[1][#x[1]] end,
    mm = function(x, out) return product(out) * x[1][2] end,
    bmm = function(x, out) return product(out) * x[1][3] end,
    addmm = function(x, out) return product(out) * x[2][2] end,
    dot = function(x) return product(x[1]) end,
    conv2d = function(x, out) return product(out) * product(x[2], 2) end,
    conv2d_input = function(x) return product(x[1]) * product(x[2], 2) end,
    -- The scores and the sums of values.
    attention = function(q) return product(q[1]) * q[2][3] + product(q[1]) // q[1][4] * product(q[3], 3) end,
  }
  -- Every row of the input meets all weights, which are the matrices from input 4 on.
  local function recurrent(x)
    local sum = 0
    for i = 4, #x do sum = sum + (x[i] and #x[i] == 2 and product(x[i]) or 0) end
    return x[1][1] * sum
  end
  for _, name in ipairs { "lstm", "gru", "rnn_tanh", "rnn_relu" } do
    multiplications[name], multiplications[name .. "_stack"] = recurrent, recurrent
  end

  -- The multiply-adds between the input and the output of a call, but for the nodes that were counted.
  local function multiply_adds(call, counted)
    local stack, seen, sum = {}, {}, 0
    tape.each(call.input, function(t) if t.gradFn then seen[t.gradFn] = true end end)
    tape.each(call.output, function(t) stack[#stack + 1] = t.gradFn end)
    while #stack > 0 do
      local node = table.remove(stack)
      if not seen[node] then
        seen[node] = true
        local count = multiplications[node.name]
        if count and not counted[node] then sum = sum + count(node.inputShapes, node.outputs[1].shape) end
        counted[node] = true
        for _, from in ipairs(node.inputs) do
          if from and not torch.isTensor(from) then stack[#stack + 1] = from end
        end
      end
    end
    return sum
  end

  -- ---- a run, layer by layer ------------------------------------------------------------------------

  -- The modules that model(input) runs, in the order in which they begin: each with its depth, its name
  -- within the model, its input and output, which are on the tape.
  local function run(model, input)
    local leaves = tape.leaves(input)
    local output, calls = tape.record(function() return (model(leaves)) end)
    local counted = {}
    for _, call in ipairs(calls) do call.multiplyAdds = multiply_adds(call, counted) end
    table.sort(calls, function(a, b) return a.order < b.order end)
    local names = {}
    for _, entry in ipairs(model:namedModules()) do names[entry.module] = entry.name end
    local outer = {} -- by depth: the names of the modules that are running
    for i, call in ipairs(calls) do
      call.name = names[call.module] or ""
      outer[call.depth] = call.name
      local within = (outer[call.depth - 1] or "") .. "."
      if within == "." then within = "" end
      call.short = call.name:sub(1, #within) == within and call.name:sub(#within + 1) or call.name
      call.leaf = not calls[i + 1] or calls[i + 1].depth <= call.depth
    end
    return calls, output
  end

  -- What is to be run: a tensor, a table of tensors, or the sizes of a tensor of random numbers of the
  -- model's type.
  local function input_for(fn, model, input)
    if torch.isStorage(input) then input = input:totable() end
    if torch.isTensor(input) then return input end
    if type(input) ~= "table" then
      raise("%s: the input is a %s, wanted a tensor or sizes", fn, torch.type(input))
    end
    if math.type(input[1]) ~= "integer" then return input end
    local x = torch.randn(table.unpack(input))
    return model:type() and x:type(model:type()) or x
  end

  -- f() with the model evaluating, and its buffers and outputs as they were afterwards.
  local function undisturbed(model, f)
    local modes, kept = {}, {}
    for _, entry in ipairs(model:namedModules()) do modes[entry.module] = { entry.module.train } end
    for i, entry in ipairs(model:namedBuffers()) do kept[i] = { entry.tensor, entry.tensor:clone() } end
    local state = torch.getRNGState()
    local result = table.pack(pcall(f))
    torch.setRNGState(state)
    for m, mode in pairs(modes) do m.train = mode[1] end
    for _, pair in ipairs(kept) do pair[1]:copy(pair[2]) end
    if not result[1] then error(result[2], 0) end
    return table.unpack(result, 2, result.n)
  end

  -- ---- tables of text ---------------------------------------------------------------------------------

  -- Rows of texts in columns; those whose heading begins with "#" are flush right.
  local function columns(head, rows)
    local width, right = {}, {}
    for c, title in ipairs(head) do
      right[c], head[c] = title:sub(1, 1) == "#", title:gsub("^#", "")
      width[c] = utf8.len(head[c])
      for _, row in ipairs(rows) do width[c] = math.max(width[c], utf8.len(row[c]) or #row[c]) end
    end
    local function line(row)
      local cells = {}
      for c, text in ipairs(row) do
        local blank = (" "):rep(width[c] - (utf8.len(text) or #text))
        cells[c] = right[c] and blank .. text or text .. blank
      end
      return (table.concat(cells, "  "):gsub("%s+$", ""))
    end
    local lines = { line(head), ("-"):rep(utf8.len(line(head))) }
    for _, row in ipairs(rows) do lines[#lines + 1] = line(row) end
    lines[2] = ("-"):rep(math.max(#lines[1], #(lines[3] or "")))
    return lines
  end

  -- 1234567 as "1,234,567".
  local function grouped(n)
    local text = ("%d"):format(n)
    local count
    repeat
      text, count = text:gsub("^(-?%d+)(%d%d%d)", "%1,%2")
    until count == 0
    return text
  end

  local function bytes_text(n)
    for _, unit in ipairs { { 2 ^ 30, "GiB" }, { 2 ^ 20, "MiB" }, { 2 ^ 10, "KiB" } } do
      if n >= unit[1] then return ("%.2f %s"):format(n / unit[1], unit[2]) end
    end
    return ("%d B"):format(n)
  end

  local function shapes(value)
    local parts = {}
    tape.each(value, function(t)
      parts[#parts + 1] = #t.shape == 0 and "scalar" or table.concat(t.shape, "x")
    end)
    if #parts > 3 then parts = { parts[1], parts[2], ("... %d tensors"):format(#parts) } end
    return table.concat(parts, ", ")
  end

  local function label(call, base)
    local kind = torch.typename(call.module):gsub("^nn%.", "")
    return ("  "):rep(call.depth - base) .. (call.short ~= "" and call.short .. ": " or "") .. kind
  end

  -- ---- summary ----------------------------------------------------------------------------------------

  -- The elements and bytes of the parameters and buffers of the module itself.
  local function own_size(m, seen)
    local count, frozen, bytes = 0, 0, 0
    local function add(t)
      bytes = bytes + t:nElement() * t:elementSize()
      return t:nElement()
    end
    for _, name in ipairs(Module._parameter_names(m)) do
      local key = torch.pointer(m[name])
      if not seen[key] then
        seen[key] = true
        local n = add(m[name])
        count = count + n
        if m._frozen then frozen = frozen + n end
      end
    end
    for _, name in ipairs(m._buffers or {}) do
      if torch.isTensor(m[name]) then add(m[name]) end
    end
    return count, frozen, bytes
  end

  local function summary_rows(calls, base)
    local rows, seen = {}, {}
    local total = { parameters = 0, frozen = 0, multiplyAdds = 0, parameterBytes = 0, outputBytes = 0 }
    for _, call in ipairs(calls) do
      local count, frozen, bytes = own_size(call.module, seen)
      local work = call.multiplyAdds
      total.parameters, total.frozen = total.parameters + count, total.frozen + frozen
      total.parameterBytes = total.parameterBytes + bytes
      total.multiplyAdds = total.multiplyAdds + work
      if call.leaf then
        tape.each(call.output, function(t)
          total.outputBytes = total.outputBytes + t:nElement() * t:elementSize()
        end)
      end
      rows[#rows + 1] = { label(call, base), shapes(call.input), shapes(call.output),
        count > 0 and grouped(count) or "-", work > 0 and grouped(work) or "-" }
    end
    return rows, total
  end

  --- nn.summary(model, input)
  --
  -- What a model is made of, as a table of text: a line for each module that runs, in order, with the shapes
  -- of its input and output, its own parameters and its multiply-adds; then sums, with the bytes of the
  -- parameters and of all outputs, which is about what a training step holds.  The model is run once, on
  -- random numbers where sizes are given, evaluating, and left as it was.
  --
  -- model: nn.Module
  -- input: tensor, or table of tensors; or the sizes of a tensor, a table or LongStorage
  -- Returns: an object: tostring gives the text; its fields parameters, frozen, multiplyAdds, parameterBytes,
  --   outputBytes are the sums, rows the lines
  -- Errors: model is no module; the input is of another kind; the model does not take it
  -- Example:
  --   net = nn.Sequential():add(nn.Linear(3, 4)):add(nn.Tanh())
  --   s = nn.summary(net, { 2, 3 })
  --   s.parameters, s.multiplyAdds, s.rows[2][3] --> 16 24 2x4
  function nn.summary(model, input)
    if not torch.isTypeOf(model, "nn.Module") then
      raise("nn.summary: got a %s, wanted a module", torch.type(model))
    end
    local x = input_for("nn.summary", model, input)
    local rows, total = undisturbed(model, function()
      model:evaluate()
      local calls = run(model, x)
      return summary_rows(calls, calls[1].depth)
    end)
    total.rows = rows
    return setmetatable(total, {
      __tostring = function(s)
        local lines = columns({ "layer", "input", "output", "#parameters", "#multiply-adds" }, s.rows)
        lines[#lines + 1] = lines[2]
        lines[#lines + 1] = ("%s parameters%s, %s; %s multiply-adds; outputs %s"):format(
          grouped(s.parameters), s.frozen > 0 and (" (%s frozen)"):format(grouped(s.frozen)) or "",
          bytes_text(s.parameterBytes), grouped(s.multiplyAdds), bytes_text(s.outputBytes))
        return table.concat(lines, "\n")
      end,
    })
  end

  -- ---- trace ------------------------------------------------------------------------------------------

  -- Mean, standard deviation, least, most and how many elements are not finite.
  local function statistics(value)
    local n, bad, sum, squares, least, most = 0, 0, 0, 0, math.huge, -math.huge
    tape.each(value, function(t)
      if t:nElement() == 0 or not t.dtype:find "float" then return end
      local flat = t:detach():double():view(-1)
      local finite = torch.abs(flat):lt(math.huge)
      bad = bad + flat:nElement() - finite:sum()
      flat = flat:maskedSelect(finite)
      if flat:nElement() == 0 then return end
      n, sum, squares = n + flat:nElement(), sum + flat:sum(), squares + torch.square(flat):sum()
      least, most = math.min(least, flat:min()), math.max(most, flat:max())
    end)
    if n == 0 then return { mean = 0, std = 0, min = 0, max = 0, bad = bad } end
    local mean = sum / n
    return { mean = mean, std = math.sqrt(math.max(squares / n - mean * mean, 0)), min = least, max = most,
      bad = bad }
  end
  Module._statistics = statistics

  --- module:trace(input)
  --
  -- Runs the module and says of every module inside, in the order in which they run, what it gives: the
  -- shape, mean, standard deviation, least and greatest value, and how many elements are NaN or infinite.
  -- The mode, training or evaluating, is the module's own; its buffers are left as they were.
  --
  -- input: tensor, or table of tensors; or sizes for random numbers
  -- Returns: an object: tostring gives a table of text; it is a list of tables with name, module, output,
  --   shape, mean, std, min, max, bad
  -- Errors: the module does not take the input
  -- Example:
  --   net = nn.Sequential():add(nn.Linear(3, 4)):add(nn.Sqrt())
  --   net:get(1).weight:fill(-1)
  --   net:trace(torch.ones(2, 3))[3].bad --> 8
  function Module:trace(input)
    local x = input_for(torch.typename(self) .. ":trace", self, input)
    local list = undisturbed(self, function()
      local calls, rows = run(self, x), {}
      for i, call in ipairs(calls) do
        local row = statistics(call.output)
        row.name, row.module, row.label = call.name, call.module, label(call, calls[1].depth)
        row.output, row.shape = tape.detach(call.output), shapes(call.output)
        rows[i] = row
      end
      return rows
    end)
    return setmetatable(list, {
      __tostring = function(rows)
        local texts = {}
        for i, row in ipairs(rows) do
          local function number(v) return ("%.4g"):format(v) end
          texts[i] = { row.label, row.shape, number(row.mean), number(row.std), number(row.min),
            number(row.max), row.bad > 0 and grouped(row.bad) or "-" }
        end
        return table.concat(columns({ "layer", "output", "#mean", "#std", "#min", "#max", "#NaN" }, texts),
          "\n")
      end,
    })
  end

  Module._inspect = { run = run, input_for = input_for, undisturbed = undisturbed, columns = columns }
end
