-- kernel: a notebook's requests, and what is answered.
--
-- The C half, vm/kernel.c, calls request(line) for each, and sends what finish(..) gives for it.  Lines are
-- JSON objects.  Requests have an `op`, one of those below.  While a cell runs, messages of a `kind` go out
-- (result, display, input), each with a number `ask`; the notebook replies to each, with that number, so that
-- a picture comes before what is printed after it.  What is printed goes through the standard output and
-- error, as always.

local cells = require "cresset.kernel.cells"
local display = require "cresset.repl.display"
local errors = require "cresset.repl.errors"
local input = require "cresset.kernel.input"
local inspect = require "cresset.kernel.inspect"
local json = require "json"
local repl = require "cresset.repl"
local rich = require "cresset.kernel.rich"
local shown = require "xlua._display"

local kernel = {}

local send, receive

local function send_table(message)
  send(json.encode(message) .. "\n")
end

-- ---- messages while a cell runs -----------------------------------------------------------------

local asked = 0

-- Sends a message and waits for its reply.  Others come when an earlier wait was interrupted.
local function ask(message)
  asked = asked + 1
  message.ask = asked
  send_table(message)
  while true do
    local line = receive()
    local reply = line and json.decode(line)
    if reply and reply.op == "reply" and reply.ask == asked then return reply end
  end
end

local function send_display(kind, data, files)
  ask { kind = kind, data = json.object(rich.valid(data)), files = json.object(files or {}) }
end

local function show_results(values)
  if values.n == 0 then return end
  local data, files = rich.data(values[1], values.n == 1)
  data["text/plain"] = display.joined(values)
  send_display("result", data, files)
end

-- The global `display`: shows a value in the notebook, a tensor that holds pictures as one.
local function display_value(value)
  local data, files = rich.data(value, true, true)
  local text = display.text(value)
  data["text/plain"] = next(files) and text:match("[^\n]*$") or text
  send_display("display", data, files)
end

-- ---- requests -----------------------------------------------------------------------------------

local requests = {}

function requests.execute(r)
  if r.number then repl.session.number = r.number end
  local functions = cells.compile(r.code)
  if r.number then repl.begin(r.code) end
  shown.forget()
  for _, piece in ipairs(functions) do
    local values = table.pack(piece.run())
    if r.number then
      repl.show(false, table.unpack(values, 1, values.n))
      if piece.visible then show_results(values) end
    end
  end
  shown.flush()
  io.stdout:flush()
  return {}
end

function requests.complete(r)
  local words, word = inspect.words(r.text)
  return { words = json.array(rich.valid(words)), word = word }
end

function requests.inspect(r)
  local text = inspect.about(r.before, r.after, r.more)
  return { text = text and rich.valid { text }[1] }
end

function requests.is_complete(r)
  return cells.state(r.code)
end

-- ---- for the C half -----------------------------------------------------------------------------

local current -- what finish answers: an answer, or nil for a request that wants none

function kernel.start(send_line, receive_line, version)
  send, receive = send_line, receive_line
  rawset(_G, "display", display_value)
  repl.start()
  input.install(function() return ask { kind = "input" } end)
  shown.show = function(data, files) send_display("display", data, files) end
  send_table { kind = "hello", version = version, lua = _VERSION }
end

kernel.run_init = repl.run_init

function kernel.request(line)
  current = nil
  local r = json.decode(line)
  if r.op == "reply" then return end -- it comes too late
  current = {}
  current = (requests[r.op] or error(("no request is called '%s'"):format(r.op), 0))(r)
end

-- The lines of a message and its traceback, with the script's text but without the kernel itself.
local function lines_of(message)
  local list = {}
  for line in message:gmatch("[^\n]+") do
    line = line:gsub("^(\tstdin%[.*: in )field 'run'$", "%1main chunk")
    if not line:find("^\tvm/kernel") then list[#list + 1] = line end
  end
  if list[#list] == "stack traceback:" then list[#list] = nil end
  local report, lines = errors.report(table.concat(list, "\n"), true), {}
  for line in (report .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line end
  return list[1] or "", lines
end

-- The line that answers the request, nil when it wants none.
function kernel.finish(ok, interrupted, message)
  if not current then return nil end
  local answer = ok and current or {}
  answer.kind, answer.status = "answer", ok and "ok" or "error"
  if not ok then
    local first, lines = lines_of(message)
    answer.name, answer.value = interrupted and "Interrupted" or "Error", rich.valid({ first })[1]
    answer.traceback = json.array(rich.valid(lines))
  end
  return json.encode(answer) .. "\n"
end

return kernel
