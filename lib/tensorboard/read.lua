-- read: what is in event files, as tables.

local events = require "tensorboard._events"
local file = require "tensorboard.file"
local paths = require "paths"
local raise = require("torch.caller").raise

local read = {}

-- ---- values ----------------------------------------------------------------------------------------

-- TensorFlow's numbers for the types of elements: the field that lists them, and how they are packed.
local element_types = { [1] = { "float_val", "<f" }, [2] = { "double_val", "<d" }, [3] = { "int_val", "<i4" },
  [9] = { "int64_val", "<i8" } }

-- The elements of a tensor as a list; nil for a type that is not read.
local function elements(tensor)
  if tensor.dtype == 7 then return tensor.string_val end
  local kind = element_types[tensor.dtype]
  if not kind then return nil end
  local list, content = tensor[kind[1]], tensor.tensor_content
  if #list > 0 or #content == 0 then return list end
  local size = kind[2]:packsize()
  for at = 1, #content - size + 1, size do list[#list + 1] = (kind[2]:unpack(content, at)) end
  return list
end

local function histogram(h)
  return { min = h.min, max = h.max, num = h.num, sum = h.sum, sumSquares = h.sum_squares,
    limits = h.bucket_limit, counts = h.bucket }
end

local statuses = { [0] = "unknown", "success", "failure", "running" }

local function hparam_value(v)
  if v.number_value ~= nil then return v.number_value end
  if v.string_value ~= nil then return v.string_value end
  return v.bool_value
end

-- {hparams = {name = value}}, {names, metrics} or {status}, of the three things that the plugin keeps.
local function hparams(content)
  local data = events.unpack("HparamsContent", content)
  if not data then return nil end
  local out = {}
  if data.session_start_info then
    out.hparams = {}
    for _, entry in ipairs(data.session_start_info.hparams) do
      out.hparams[entry.key] = entry.value and hparam_value(entry.value)
    end
  elseif data.experiment then
    out.names, out.metrics = {}, {}
    for i, info in ipairs(data.experiment.hparam_infos) do out.names[i] = info.name end
    for i, info in ipairs(data.experiment.metric_infos) do out.metrics[i] = info.name and info.name.tag end
  elseif data.session_end_info then
    out.status = statuses[data.session_end_info.status] or "unknown"
  end
  return out
end

-- The kind and value of a tensor, by the plugin that it is for.
local function of_tensor(plugin, tensor)
  local list = elements(tensor)
  if not list then return "tensor", {} end
  if plugin == "text" then return "text", #list == 1 and list[1] or list end
  if plugin == "scalars" and #list == 1 then return "scalar", list[1] end
  if plugin == "images" and #list >= 3 then
    return "image", { width = tonumber(list[1]), height = tonumber(list[2]), data = list[3] }
  end
  local shape = {}
  for i, dim in ipairs(tensor.tensor_shape and tensor.tensor_shape.dim or {}) do shape[i] = dim.size end
  return "tensor", { shape = shape, values = list }
end

local function kind_and_value(v)
  local plugin = v.metadata and v.metadata.plugin_data
  local name = plugin and plugin.plugin_name
  if v.simple_value then return "scalar", v.simple_value end
  if v.histo then return "histogram", histogram(v.histo) end
  if v.image then
    return "image", { height = v.image.height, width = v.image.width, channels = v.image.colorspace,
      data = v.image.encoded_image_string }
  end
  if name == "hparams" then return "hparams", hparams(plugin.content) end
  if v.tensor then return of_tensor(name, v.tensor) end
  return nil
end

local sessions = { "start", "stop", "checkpoint" }

local function event_of(bytes)
  local e = events.unpack("Event", bytes)
  if not e then return nil end
  local graph = e.graph_def and events.unpack("GraphDef", e.graph_def)
  local out = { wallTime = e.wall_time, step = e.step, fileVersion = e.file_version, values = {},
    graph = graph and graph.node }
  out.session = e.session_log and sessions[e.session_log.status]
  for _, v in ipairs(e.summary and e.summary.value or {}) do
    local kind, value = kind_and_value(v)
    local tag = kind == "text" and v.tag:gsub("/text_summary$", "") or v.tag
    if kind and value ~= nil then out.values[#out.values + 1] = { tag = tag, kind = kind, value = value } end
  end
  return out
end

-- ---- files -----------------------------------------------------------------------------------------

local function open(fn, name)
  if type(name) ~= "string" then raise("%s: a file name expected, got %s", fn, type(name)) end
  local stream, message = io.open(name, "rb")
  if not stream then raise("%s: %s", fn, message) end
  return stream
end

local function read_file(fn, name, into)
  local stream = open(fn, name)
  local next_record = file.records(stream)
  local problem
  while true do
    local bytes, wrong = next_record()
    problem = wrong
    if not bytes then break end
    local event = event_of(bytes)
    if not event then
      problem = "a record that is no event"
      break
    end
    into[#into + 1] = event
  end
  stream:close()
  return problem and ("%s: %s"):format(name, problem)
end

--- tensorboard.read(path)
--
-- The events of an event file, or of all those of a folder, in order. Reading a file ends where it is damaged
-- or cut short, as the last record of a program that was killed may be.
--
-- path: name of a file or folder
-- Returns: a table of events: {wallTime =, step =, values = {{tag =, kind =, value =}, ..}}, with
--   fileVersion, graph (a list of nodes: name, op, input), or session = "start" where TensorBoard drops what
--   came before from that step on. Kinds: "scalar", a number; "text", a string; "histogram", a table of min,
--   max, num, sum, sumSquares, limits, counts; "image", a table of height, width, channels, data (the bytes
--   of a PNG file); "hparams"; "tensor", a table of shape and values. Then what was wrong with a file, or nil
-- Errors: the file cannot be opened
-- Example:
--   writer = tensorboard.SummaryWriter("events-a")
--   writer:addScalar("loss", 0.5, 1); writer:close()
--   events = tensorboard.read("events-a")
--   events[#events].values[1].tag, events[#events].values[1].value --> loss 0.5
function read.read(path)
  local list, problem = {}, nil
  if type(path) ~= "string" or not paths.dirp(path) then
    problem = read_file("tensorboard.read", path, list)
  else
    for _, name in ipairs(file.names(path)) do
      local wrong = read_file("tensorboard.read", path .. "/" .. name, list)
      problem = problem or wrong
    end
  end
  return list, problem
end

-- Drops what a restart at that step takes back.
local function purge(kinds, step)
  for _, tags in pairs(kinds) do
    for tag, list in pairs(tags) do
      local kept = {}
      for _, item in ipairs(list) do
        if item.step < step then kept[#kept + 1] = item end
      end
      tags[tag] = #kept > 0 and kept or nil
    end
  end
end

--- tensorboard.summaries(path)
--
-- What TensorBoard would show of a file or folder: the values by kind and tag. A restart drops what came
-- before it from its step on.
--
-- path: as for tensorboard.read
-- Returns: a table {scalar = {tag = {{step =, value =, wallTime =}, ..}}, text = .., histogram = ..,
--   image = .., hparams = .., tensor = ..}; what was wrong with a file, or nil
-- Errors: as tensorboard.read
-- Example:
--   writer = tensorboard.SummaryWriter("events-b")
--   writer:addScalar("loss", 0.5, 1); writer:close()
--   tensorboard.summaries("events-b").scalar.loss[1].value --> 0.5
function read.summaries(path)
  local list, problem = read.read(path)
  local kinds = { scalar = {}, text = {}, histogram = {}, image = {}, hparams = {}, tensor = {} }
  for _, event in ipairs(list) do
    if event.session == "start" then purge(kinds, event.step) end
    for _, v in ipairs(event.values) do
      local tags = kinds[v.kind]
      tags[v.tag] = tags[v.tag] or {}
      table.insert(tags[v.tag], { step = event.step, value = v.value, wallTime = event.wallTime })
    end
  end
  return kinds, problem
end

return read
