-- writer: tensorboard.SummaryWriter, with the methods of PyTorch's class of that name.

local torch = require "torch"
local clock = require "torch._clock"
local events = require "tensorboard._events"
local file = require "tensorboard.file"
local histogram = require "tensorboard.histogram"
local paths = require "paths"
local read_options = require("torch.options").read
local raise = require("torch.caller").raise

local tensorboard = {}
local SummaryWriter = torch.class("tensorboard.SummaryWriter", tensorboard)

-- ---- arguments -------------------------------------------------------------------------------------

local known = { purgeStep = "integer", flushSecs = "number", filenameSuffix = "string", comment = "string" }

local function check_text(fn, name, value)
  if type(value) ~= "string" then raise("%s: %s is a %s, wanted a string", fn, name, torch.type(value)) end
  if not utf8.len(value) then raise("%s: %s is not UTF-8 text", fn, name) end
  if value:find("\0", 1, true) then raise("%s: %s has a zero byte in it", fn, name) end
  return value
end

local function check_number(fn, name, value)
  if torch.isTensor(value) and value:nElement() == 1 then value = value:item() end
  if type(value) == "boolean" then value = value and 1 or 0 end
  if type(value) ~= "number" then raise("%s: %s is a %s, wanted a number", fn, name, torch.type(value)) end
  return value
end

local function check_step(fn, step)
  if step == nil then return 0 end
  local whole = math.tointeger(check_number(fn, "the step", step))
  if not whole then raise("%s: the step is %s, wanted a whole number", fn, tostring(step)) end
  return whole
end

-- ---- opening and closing ---------------------------------------------------------------------------

local function default_folder(comment)
  local _, host = paths.uname()
  return ("runs/%s_%s%s"):format(os.date("%b%d_%H-%M-%S"), host or "host", comment or "")
end

local function open(self, folder)
  return file.writer(folder, self.options.filenameSuffix, self.options.flushSecs or 0)
end

--- tensorboard.SummaryWriter([dir [, options]])
--
-- Writes an event file, which TensorBoard shows. Each writer has a file of its own, so that several may write
-- into one folder, and a new one goes on where another ended. Every record goes to the system at once; what
-- a program that is killed wrote before can be read. A disk that is full does not end the script: the
-- writer says so once and writes no more.
--
-- dir: the folder, made where it is missing; by default runs/<date>_<host><comment>
-- options: table. purgeStep: TensorBoard drops what older files have from that step on, for a run that is
--   resumed. flushSecs: at most so many seconds of records wait in memory, 0 by default. filenameSuffix: the
--   end of the file's name. comment: the end of the default folder's name
-- Returns: a tensorboard.SummaryWriter; its fields dir and name are the folder and the file. A variable
--   declared `local writer <close>` closes it
-- Errors: the file cannot be made; Cresset was built without protobuf-c
-- From: PyTorch
-- Example:
--   writer = tensorboard.SummaryWriter("events-c")
--   writer:addScalar("loss", 0.5, 1)
--   writer:close()
function SummaryWriter:__init(dir, options)
  local fn = "tensorboard.SummaryWriter"
  self.options = read_options(fn, options, known)
  if dir ~= nil and type(dir) ~= "string" then
    raise("%s: the folder is a %s, wanted a string", fn, torch.type(dir))
  end
  self.dir = dir or default_folder(self.options.comment)
  local main, message = open(self, self.dir)
  if not main then raise("%s: %s", fn, message) end
  self.name, self.main, self.others = main.name, main, {}
  local step = self.options.purgeStep
  main:add { file_version = "brain.Event:2", step = step }
  if step then main:add { step = step, session_log = { status = 1 } } end
end

--- writer:flush(); writer:close()
--
-- Brings what was added to the file; ends the file as well. Adding to a closed writer is an error.
--
-- From: PyTorch
-- Example:
--   writer = tensorboard.SummaryWriter("events-d", { flushSecs = 10 })
--   writer:addScalar("loss", 0.5, 1)
--   writer:flush()
--   #tensorboard.read(writer.name) --> 2
function SummaryWriter:flush()
  if self.main then self.main:flush() end
  for _, other in pairs(self.others) do other:flush() end
end

function SummaryWriter:close()
  if self.main then self.main:close() end
  for _, other in pairs(self.others) do other:close() end
  self.main, self.others = nil, {}
end

SummaryWriter.__close = SummaryWriter.close

local function add(self, fn, step, wall_time, value, to)
  if not self.main then raise("%s: the writer is closed", fn) end
  to = to or self.main
  to:add { step = check_step(fn, step), wall_time = wall_time and check_number(fn, "the time", wall_time),
    summary = { value = { value } } }
end

-- ---- numbers ---------------------------------------------------------------------------------------

--- writer:addScalar(tag, value [, step [, wallTime]])
--
-- Adds a point to a curve.
--
-- tag: name of the curve; those with the same text before a slash are shown together
-- value: number, or a tensor of one element. Event files keep single precision
-- step: whole number, 0 by default
-- wallTime: seconds since 1970, now by default
-- Errors: another type
-- From: PyTorch
-- Example:
--   writer = tensorboard.SummaryWriter("events-e")
--   writer:addScalar("loss/train", torch.ones(1), 7)
function SummaryWriter:addScalar(tag, value, step, wallTime)
  local fn = "SummaryWriter:addScalar"
  add(self, fn, step, wallTime, { tag = check_text(fn, "the tag", tag),
    simple_value = check_number(fn, "the value", value) })
end

-- The writer of another folder, with the same options.
local function other_writer(self, folder)
  local other = self.others[folder]
  if other then return other end
  local message
  other, message = open(self, folder)
  if not other then
    other = { add = function() end, flush = function() end, close = function() end }
    io.stderr:write(("tensorboard: %s; what comes is not logged there\n"):format(message))
  else
    other:add { file_version = "brain.Event:2" }
    local step = self.options.purgeStep
    if step then other:add { step = step, session_log = { status = 1 } } end
  end
  self.others[folder] = other
  return other
end

--- writer:addScalars(tag, values [, step [, wallTime]])
--
-- Adds a point to each of several curves, which TensorBoard draws into one picture. Each name has a folder of
-- its own below the writer's.
--
-- tag: name of the picture
-- values: table name = number
-- step, wallTime: as for addScalar
-- Errors: another type
-- From: PyTorch
-- Example:
--   writer = tensorboard.SummaryWriter("events-f")
--   writer:addScalars("loss", { train = 0.5, test = 0.6 }, 1)
function SummaryWriter:addScalars(tag, values, step, wallTime)
  local fn = "SummaryWriter:addScalars"
  check_text(fn, "the tag", tag)
  if type(values) ~= "table" then raise("%s: the values are a %s, wanted a table", fn, torch.type(values)) end
  if not self.main then raise("%s: the writer is closed", fn) end
  for name, value in pairs(values) do
    local folder = ("%s/%s_%s"):format(self.dir, tag:gsub("/", "_"), check_text(fn, "a name", name))
    add(self, fn, step, wallTime, { tag = tag, simple_value = check_number(fn, name, value) },
      other_writer(self, folder))
  end
end

--- writer:addHistogram(tag, values [, step [, wallTime]])
--
-- Adds how the elements of a tensor are distributed, in TensorFlow's buckets, whose limits grow by a tenth.
-- Values that are not finite are left out.
--
-- tag: name
-- values: tensor, or a table of numbers
-- step, wallTime: as for addScalar
-- Errors: another type, or no values
-- From: PyTorch, with its default buckets
-- Example:
--   writer = tensorboard.SummaryWriter("events-g")
--   writer:addHistogram("weights", torch.randn(100), 1)
function SummaryWriter:addHistogram(tag, values, step, wallTime)
  local fn = "SummaryWriter:addHistogram"
  check_text(fn, "the tag", tag)
  if type(values) == "table" then values = torch.DoubleTensor(values) end
  if not torch.isTensor(values) or values:nElement() == 0 then
    raise("%s: the values are %s, wanted a tensor of numbers", fn,
      torch.isTensor(values) and "an empty tensor" or "a " .. torch.type(values))
  end
  add(self, fn, step, wallTime, { tag = tag, histo = histogram(values) })
end

-- ---- pictures and text -----------------------------------------------------------------------------

local function png(img)
  local bytes = require("image").compressPNG(img)
  return torch._bytes(bytes:storage())
end

local function check_picture(fn, img)
  local planes = torch.isTensor(img) and (img:dim() == 2 and 1 or img:dim() == 3 and img:size(1))
  if not planes or planes < 1 or planes > 4 or img:nElement() == 0 then
    raise("%s: the picture is %s, wanted a tensor of height x width or 1 to 4 x height x width", fn,
      torch.isTensor(img) and "of " .. table.concat(img.shape, "x") or "a " .. torch.type(img))
  end
  return planes
end

local function add_picture(self, fn, tag, img, step, wall_time)
  check_text(fn, "the tag", tag)
  local planes = check_picture(fn, img)
  add(self, fn, step, wall_time, { tag = tag, image = { height = img:size(img:dim() - 1),
    width = img:size(img:dim()), colorspace = planes, encoded_image_string = png(img) } })
end

--- writer:addImage(tag, img [, step [, wallTime]])
--
-- Adds a picture.
--
-- tag: name
-- img: tensor of height x width, or of 1 to 4 channels x height x width (grey, grey and alpha, colours,
--   colours and alpha); bytes, or another type with values of 0 to 1, which are cut off there
-- step, wallTime: as for addScalar
-- Errors: another shape; Cresset was built without libpng
-- From: PyTorch
-- Example:
--   writer = tensorboard.SummaryWriter("events-h")
--   writer:addImage("digit", torch.rand(3, 8, 8), 1)
function SummaryWriter:addImage(tag, img, step, wallTime)
  add_picture(self, "SummaryWriter:addImage", tag, img, step, wallTime)
end

-- n pictures in rows, black pixels between them.
local function grid(imgs, columns, padding)
  local n, planes, height, width = imgs:size(1), imgs:size(2), imgs:size(3), imgs:size(4)
  local rows, h, w = math.ceil(n / columns), height + padding, width + padding
  local out = torch.zeros({ planes, rows * h + padding, columns * w + padding }, imgs.dtype)
  for k = 0, n - 1 do
    local y, x = k // columns * h + padding + 1, k % columns * w + padding + 1
    out:narrow(2, y, height):narrow(3, x, width):copy(imgs[k + 1])
  end
  return out
end

--- writer:addImages(tag, imgs [, step [, options]])
--
-- Adds several pictures as one, side by side.
--
-- tag: name
-- imgs: tensor of n x height x width or n x channels x height x width, values as for addImage
-- step: as for addScalar
-- options: table. nrow: pictures in a row, 8 by default. padding: black pixels around them, 2 by default.
--   wallTime: as for addScalar
-- Errors: another shape
-- From: PyTorch; the arrangement is torchvision's make_grid
-- Example:
--   writer = tensorboard.SummaryWriter("events-i")
--   writer:addImages("digits", torch.rand(10, 1, 8, 8), 1)
--   tensorboard.summaries("events-i").image.digits[1].value.width --> 82
function SummaryWriter:addImages(tag, imgs, step, options)
  local fn = "SummaryWriter:addImages"
  local o = read_options(fn, options, { nrow = "integer", padding = "integer", wallTime = "number" })
  local columns, padding = math.tointeger(o.nrow or 8), math.tointeger(o.padding or 2)
  if not torch.isTensor(imgs) or imgs:dim() < 3 or imgs:dim() > 4 or imgs:nElement() == 0
    or columns < 1 or padding < 0 then
    raise("%s: the pictures are %s, wanted a tensor of n x height x width or n x channels x height x width",
      fn, torch.isTensor(imgs) and "of " .. table.concat(imgs.shape, "x") or "a " .. torch.type(imgs))
  end
  imgs = imgs:detach():to("cpu")
  if imgs:dim() == 3 then imgs = imgs:view(imgs:size(1), 1, imgs:size(2), imgs:size(3)) end
  add_picture(self, fn, tag, grid(imgs, math.min(columns, imgs:size(1)), padding), step, o.wallTime)
end

--- writer:addText(tag, text [, step [, wallTime]])
--
-- Adds text, which TensorBoard shows as Markdown.
--
-- tag: name
-- text: string in UTF-8
-- step, wallTime: as for addScalar
-- Errors: another type, or no UTF-8
-- From: PyTorch
-- Example:
--   writer = tensorboard.SummaryWriter("events-j")
--   writer:addText("sample", "*to be* or not", 1)
function SummaryWriter:addText(tag, text, step, wallTime)
  local fn = "SummaryWriter:addText"
  check_text(fn, "the tag", tag)
  if type(text) ~= "string" or not utf8.len(text) then
    raise("%s: the text is %s, wanted a string in UTF-8", fn, type(text) == "string" and "not UTF-8" or
      "a " .. torch.type(text))
  end
  add(self, fn, step, wallTime, { tag = tag .. "/text_summary",
    metadata = { plugin_data = { plugin_name = "text" } },
    tensor = { dtype = 7, string_val = { text }, tensor_shape = { dim = { { size = 1 } } } } })
end

--- writer:addGraph(model, input)
--
-- Adds a drawing of a network: the operators of one run, grouped by the modules that called them, with the
-- parameters that go into them. Operators that no gradient flows through are not on the tape, and not in the
-- drawing. The model is run once, evaluating, and left as it was.
--
-- model: nn.Module
-- input: tensor, table of tensors, or the sizes of a tensor of random numbers
-- Errors: model is no module; the model does not take the input
-- From: PyTorch
-- Example:
--   net = nn.Sequential():add(nn.Linear(3, 4)):add(nn.Tanh())
--   writer = tensorboard.SummaryWriter("events-l")
--   writer:addGraph(net, { 2, 3 })
--   tensorboard.read("events-l")[2].graph[3].name --> Sequential/0/bias
function SummaryWriter:addGraph(model, input)
  local fn = "SummaryWriter:addGraph"
  if not torch.isTypeOf(model, "nn.Module") then
    raise("%s: got a %s, wanted a module", fn, torch.type(model))
  end
  if not self.main then raise("%s: the writer is closed", fn) end
  self.main:add { graph_def = require("tensorboard.graph")(fn, model, input) }
end

-- ---- settings --------------------------------------------------------------------------------------

local function sorted_names(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- The plugin knows text, booleans and numbers.
local function setting(fn, name, value)
  if type(value) == "boolean" then return 2, { bool_value = value } end
  if type(value) == "string" then return 1, { string_value = check_text(fn, name, value) } end
  return 3, { number_value = check_number(fn, name, value) }
end

local function add_hparams_part(self, fn, to, step, name, content)
  add(self, fn, step, nil, { tag = "_hparams_/" .. name, metadata = { plugin_data = {
    plugin_name = "hparams", content = events.pack("HparamsContent", content) } } }, to)
end

--- writer:addHparams(hparams, metrics [, options])
--
-- Adds settings and what came of them, for TensorBoard's table of runs.
--
-- hparams: table name = number, string or boolean
-- metrics: table name = number
-- options: table. runName: the folder below the writer's that they go to, the time by default, as each
--   such folder is one row of the table; "." is the writer's own. step: as for addScalar
-- Errors: another type of value
-- From: PyTorch
-- Example:
--   writer = tensorboard.SummaryWriter("events-k")
--   writer:addHparams({ lr = 0.1, optimizer = "adam" }, { accuracy = 0.98 }, { runName = "." })
--   tensorboard.summaries("events-k").hparams["_hparams_/session_start_info"][1].value.hparams.lr --> 0.1
function SummaryWriter:addHparams(hparams, metrics, options)
  local fn = "SummaryWriter:addHparams"
  local o = read_options(fn, options, { runName = "string", step = "number" })
  for name, t in pairs { hparams = hparams or false, metrics = metrics or false } do
    if type(t) ~= "table" then raise("%s: the %s are a %s, wanted a table", fn, name, torch.type(t)) end
    for key in pairs(t) do check_text(fn, "a name among the " .. name, key) end
  end
  if not self.main then raise("%s: the writer is closed", fn) end
  local infos, entries, wanted = {}, {}, {}
  for i, name in ipairs(sorted_names(hparams)) do
    local kind, value = setting(fn, name, hparams[name])
    infos[i], entries[i] = { name = name, type = kind }, { key = name, value = value }
  end
  local names = sorted_names(metrics)
  for i, name in ipairs(names) do
    wanted[i] = { name = { tag = name } }
    check_number(fn, name, metrics[name])
  end
  local run_name = o.runName or ("%.6f"):format(clock.wall())
  local to = run_name == "." and self.main or other_writer(self, self.dir .. "/" .. run_name)
  add_hparams_part(self, fn, to, o.step, "experiment", { experiment = { hparam_infos = infos,
    metric_infos = wanted } })
  add_hparams_part(self, fn, to, o.step, "session_start_info", { session_start_info = { hparams = entries } })
  add_hparams_part(self, fn, to, o.step, "session_end_info", { session_end_info = { status = 1 } })
  for _, name in ipairs(names) do
    add(self, fn, o.step, nil, { tag = name, simple_value = check_number(fn, name, metrics[name]) }, to)
  end
end

return tensorboard
