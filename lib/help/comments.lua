-- comments: reads the doc comments of the sources.
--
-- A doc comment is a C comment that begins with two stars, or Lua comment lines of which the first
-- begins with three dashes.  It holds, in this order:
--
--   signatures     torch.narrow(x, dim, first, size), one a line, or several with semicolons between
--                  them; a text may follow one after a colon.  In Lua, right above a function, they
--                  may be left out.
--   text           its first sentence is the summary
--   fields         "name: text" for each argument; Returns:, Errors:, From:
--   Example:       last; lines of Lua, where `expr --> text` says what it gives

local comments = {}

local kinds = { Returns = true, Errors = true, From = true, Example = true }

-- What the variables of signatures stand for: x:f() is a method of tensors.
local receivers = {
  x = "torch.Tensor", storage = "torch.Storage", file = "torch.File", timer = "torch.Timer",
  tester = "torch.Tester", suite = "torch.TestSuite", cmd = "torch.CmdLine",
  generator = "torch.Generator", module = "nn.Module", container = "nn.Container",
  criterion = "nn.Criterion", optimizer = "optim.Optimizer", logger = "optim.Logger",
  confusion = "optim.ConfusionMatrix", ctx = "torch.Context", handle = "torch.HookHandle",
  node = "torch.Node", graph = "torch.Graph", scheduler = "optim.Scheduler",
  average = "optim.WeightAverage", range = "optim.LRRange", pool = "threads.Threads",
  mutex = "threads.Mutex", condition = "threads.Condition", counter = "threads.AtomicCounter",
  queue = "threads.Queue", thread = "threads.Thread",
  dataset = "data.Dataset", loader = "data.DataLoader", stream = "data.Stream",
  sampler = "data.SequentialSampler", batches = "data.BatchSampler",
  tokenizer = "data.Tokenizer", vocabulary = "data.Vocabulary",
  trainer = "train.Trainer", callback = "train.Callback", metric = "train.Metric",
  scaler = "train.GradScaler", precision = "train.MixedPrecision", results = "tune.Results", run = "runs.Run",
  writer = "tensorboard.SummaryWriter",
}

-- ---- taking the text out of a source ---------------------------------------------------------------

-- Lines without what they share on their left, and without empty ones around them.
local function dedent(lines)
  local least
  for _, line in ipairs(lines) do
    local indent = line:match("^( *)%S")
    if indent and (not least or #indent < least) then least = #indent end
  end
  local out = {}
  for i, line in ipairs(lines) do out[i] = line:sub((least or 0) + 1):gsub("%s+$", "") end
  while out[#out] == "" do out[#out] = nil end
  while out[1] == "" do table.remove(out, 1) end
  return out
end

local function c_blocks(text)
  local blocks, line = {}, 1
  local current
  for s in (text .. "\n"):gmatch("(.-)\n") do
    local first = not current and s:match("^%s*/%*%*%s(.*)$")
    if first then current = { line = line, lines = {} } end
    if current then
      local body = first or s:gsub("^%s*%*?", "", 1)
      if first then body = "  " .. body end
      local last = (first and first:match("^(.-)%*/")) or (not first and s:match("^%s*(.-)%*/"))
      if last then body = "  " .. last:gsub("^%*", "") end
      current.lines[#current.lines + 1] = body
      if last then
        blocks[#blocks + 1] = current
        current = nil
      end
    end
    line = line + 1
  end
  return blocks
end

-- The name that a line of code gives a value: "torch.f(a, b)", "Timer:stop()", "optim.adam".
local function named_by(code)
  local name, args = code:match("^%s*function%s+([%w_.:]+)%s*(%b())")
  if name and name:find("[.:]") then return name .. args end
  name, args = code:match("^%s*([%a_][%w_]*%.[%w_.]+)%s*=%s*function%s*(%b())")
  if name then return name .. args end
  return code:match("^%s*([%a_][%w_]*%.[%w_.]+)%s*=")
end

local function lua_blocks(text)
  local blocks, line = {}, 1
  local current
  for s in (text .. "\n"):gmatch("(.-)\n") do
    local body = s:match("^%s*%-%-%-([^-].*)$") or s:match("^%s*%-%-%-$") and ""
    if body and not current then
      current = { line = line, lines = { body } }
    elseif current then
      body = body or s:match("^%s*%-%-([^-].*)$") or s:match("^%s*%-%-$") and ""
      if body then
        current.lines[#current.lines + 1] = body
      else
        current.code = named_by(s)
        blocks[#blocks + 1] = current
        current = nil
      end
    end
    line = line + 1
  end
  if current then blocks[#blocks + 1] = current end
  return blocks
end

-- ---- reading one -----------------------------------------------------------------------------------

-- "torch.f(x [, n])" or "breakpoint()" at the start of a line, and what follows after a colon.
local function signature(line)
  local head, rest = line:match("^([%a_][%w_.:]*[%w_]%b())(.*)$")
  if not head then head, rest = line:match("^([%a_][%w_]*[.:][%w_.:]*[%w_])(:?.*)$") end
  if not head then return nil end
  if rest == "" then return head, "" end
  local text = rest:match("^:%s+(.+)$") or rest:match("^:$") and ""
  if text then return head, text end
  if rest:find("^%s+%->%s") then return head .. rest, "" end
end

-- The signatures that a line begins with or is made of, and the text that follows.
local function signatures(line)
  local head, text = signature(line)
  if head then return { head }, text end
  local heads = {}
  for part in line:gmatch("[^;]+") do
    head, text = signature(part:match("^%s*(.-)%s*$"))
    if text ~= "" then return nil end
    heads[#heads + 1] = head
  end
  return heads, ""
end

-- "torch.narrow" for "torch.narrow(x, ..)", "torch.Tensor:narrow" for "x:narrow(..)".
local function name_of(head, classes)
  local name = head:match("^[%w_.:]+")
  local owner, separator, last = name:match("^(.-)([.:])([%w_]+)$")
  if not owner then return classes[name] or name end -- a global
  owner = classes[owner] or (separator == ":" and receivers[owner]) or owner
  if last == "__init" then return owner end
  return owner .. (separator or "") .. last
end

local function argument_names(heads)
  local names = { ["..."] = true }
  for _, head in ipairs(heads) do
    for name in (head:match("%b()") or ""):gmatch("[%a_][%w_]*") do names[name] = true end
  end
  return names
end

-- A line that begins a field: its name and text.  Several arguments may share one: "lo, hi: ...".
local function field(line, arguments)
  local name, text = line:match("^([%a_.][%w_., ]*):%s*(.*)$")
  if not name then return nil end
  if kinds[name] then return name, text end
  for word in name:gmatch("[%w_.]+") do
    if not arguments[word] then return nil end
  end
  return name, text
end

local function append(s, line)
  if s == "" then return line end
  return s .. (s:sub(-1) == "\n" and "" or " ") .. line
end

-- The names in front of an item's colon; words with blanks between are no names.
local function add_options(entry, field_name, names)
  if names:find("[%w_]%s+[%w_]") then return end
  local list = entry.options[field_name] or {}
  for name in names:gmatch("[%a_][%w_]*") do list[#list + 1] = name end
  entry.options[field_name] = list
end

local function read_body(entry, lines, from)
  local arguments, current, i = argument_names(entry.signatures), nil, from
  while i <= #lines do
    local name, text = field(lines[i], arguments)
    if name == "Example" then
      local code = { text ~= "" and text or nil }
      for k = i + 1, #lines do code[#code + 1] = lines[k] end
      entry.example = table.concat(dedent(code), "\n")
      return
    elseif name then
      current = { name = name, text = text }
      entry.fields[#entry.fields + 1] = current
    elseif current and lines[i]:find("^%s") then
      local item = lines[i]:find("^%s+[%a_][%w_, ]*: ") -- one of a list in the field
      if item and not current.text:find("[:;]$") then current.text = current.text .. ";" end
      if item then add_options(entry, current.name, lines[i]:match("^%s+(.-): ")) end
      current.text = append(current.text, lines[i]:gsub("^%s+", ""))
    elseif lines[i] == "" then
      current = nil
      if entry.text ~= "" then entry.text = entry.text:gsub("\n*$", "\n\n") end
    else
      current = nil
      local listed = lines[i]:find("^%s") and entry.text:find("%S$")
      entry.text = append(listed and entry.text .. "\n" or entry.text, lines[i])
    end
    i = i + 1
  end
end

local function read_block(block, path, classes)
  local lines = dedent(block.lines)
  local entry = { signatures = {}, names = {}, text = "", fields = {}, options = {}, file = path,
    line = block.line }
  local i = 1
  while lines[i] do
    local heads, text = signatures(lines[i])
    if not heads or #heads == 0 then break end
    table.move(heads, 1, #heads, #entry.signatures + 1, entry.signatures)
    i = i + 1
    if text ~= "" then
      entry.text = text
      break
    end
  end
  if #entry.signatures == 0 then
    if not block.code then return nil end
    entry.signatures[1] = block.code
  end
  for k, head in ipairs(entry.signatures) do
    local name = name_of(head, classes)
    entry.names[k] = name
    -- As a user writes it: "nn.Linear(n, m)" and not "Linear:__init(n, m)".
    local written = head:match("^[%w_.:]+")
    if written:find("^%u") or written:find("__init$") then
      entry.signatures[k] = name .. head:sub(#written + 1)
    end
  end
  read_body(entry, lines, i)
  entry.text = entry.text:gsub("%s+$", "")
  -- "x:resize" and "i.e. this" end no sentence.
  entry.summary = entry.text:match("^(.-[^.%u][.])%s+%u") or entry.text:match("^(.-)\n\n") or entry.text
  return entry
end

-- The variables of a Lua file that hold classes: {Linear = "nn.Linear"}.
local function classes_of(text)
  local classes = {}
  for variable, class in text:gmatch("local%s+([%w_]+)[^\n=]*=%s*torch%.class%s*%(?%s*[\"']([%w_.]+)") do
    classes[variable] = class
  end
  return classes
end

--- The doc comments of one source, a table each: names (as keys, "torch.Tensor:narrow"), signatures,
-- summary, text, fields (a list of {name, text}), options (field -> the names of the list in it), example,
-- file, line.
-- path: its ending tells C and Lua apart
function comments.parse(text, path)
  local blocks = path:find("%.lua$") and lua_blocks(text) or c_blocks(text)
  local classes = path:find("%.lua$") and classes_of(text) or {}
  local entries = {}
  for _, block in ipairs(blocks) do entries[#entries + 1] = read_block(block, path, classes) end
  return entries
end

return comments
