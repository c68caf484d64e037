-- metrics: the numbers of a run in two files that grow: metrics.jsonl, an object a line, and metrics.csv, a
-- row a step, which is made of the former again whenever a column appears.

local clock = require "torch._clock"
local json = require "json"
local save = require "formats.save"

local metrics = {}

local function jsonl(folder) return folder .. "/metrics.jsonl" end
local function csv(folder) return folder .. "/metrics.csv" end

-- ---- reading ---------------------------------------------------------------------------------------

local special = { NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge }

-- The record of a line: {step =, time =, values = {name = number}}; nil when it is damaged.
local function parse(line)
  local ok, record = pcall(json.decode, line)
  if not ok or type(record) ~= "table" or math.type(record.step) ~= "integer" then return nil end
  local out = { step = record.step, time = tonumber(record.time), values = {} }
  for name, value in pairs(record) do
    if name ~= "step" and name ~= "time" then out.values[name] = tonumber(value) or special[value] end
  end
  return out
end

-- An iterator over the records of a folder's file: record, or false for a damaged line.
function metrics.records(folder)
  local file = io.open(jsonl(folder), "rb")
  if not file then return function() end end
  return function()
    local line = file and file:read("l")
    while line == "" do line = file:read("l") end
    if line then return parse(line) or false end
    if file then file:close() end
    file = nil
  end
end

-- ---- metrics.csv -----------------------------------------------------------------------------------

local function field(value)
  if value == nil then return "" end
  if type(value) == "number" then
    if value ~= value then return "nan" end
    if value == math.huge or value == -math.huge then return value > 0 and "inf" or "-inf" end
    return json.encode(value)
  end
  if value:find('[,"\r\n]') then return '"' .. value:gsub('"', '""') .. '"' end
  return value
end

local function row_text(columns, row)
  local cells = { field(row.step), row.time and ("%.3f"):format(row.time) or "" }
  for i, name in ipairs(columns) do cells[i + 2] = field(row.values[name]) end
  return table.concat(cells, ",") .. "\n"
end

local function header(columns)
  local cells = { "step", "time" }
  for i, name in ipairs(columns) do cells[i + 2] = field(name) end
  return table.concat(cells, ",") .. "\n"
end

-- Calls f with the rows of a folder: neighbouring records of one step together.
local function each_row(folder, f)
  local row
  for record in metrics.records(folder) do
    if record then
      if row and row.step ~= record.step then
        f(row)
        row = nil
      end
      row = row or { step = record.step, values = {} }
      row.time = record.time or row.time
      for name, value in pairs(record.values) do row.values[name] = value end
    end
  end
  if row then f(row) end
end

-- Adds the names of a row that are new to the columns, in alphabetical order.
local function add_columns(columns, values)
  local new = {}
  for name in pairs(values) do
    if not columns[name] then new[#new + 1] = name end
  end
  table.sort(new)
  for _, name in ipairs(new) do
    columns[#columns + 1] = name
    columns[name] = true
  end
  return #new > 0
end

-- Writes metrics.csv from metrics.jsonl; the columns.
local function rewrite_csv(folder)
  local columns = {}
  for record in metrics.records(folder) do
    if record then add_columns(columns, record.values) end
  end
  save.whole("runs.Run", csv(folder), function(stream)
    save.put(stream, header(columns))
    each_row(folder, function(row) save.put(stream, row_text(columns, row)) end)
  end)
  return columns
end

-- ---- writing ---------------------------------------------------------------------------------------

local Writer = {}
Writer.__index = Writer

-- Drops what follows the first `bytes` bytes, and a line that was cut short; whether anything is left.
local function repair(folder, bytes)
  local file = io.open(jsonl(folder), "rb")
  if not file then return false end
  local text = file:read("a")
  file:close()
  local good = bytes and text:sub(1, bytes) or text
  if not good:find("\n$") and good ~= "" then
    local last = good:match("[^\n]*$")
    good = parse(last) and good .. "\n" or good:sub(1, #good - #last)
  end
  if good ~= text then
    save.whole("runs.Run", jsonl(folder), function(stream) save.put(stream, good) end)
  end
  return good ~= ""
end

local function open(self, bytes)
  self.stale = repair(self.folder, bytes)
  self.columns, self.row = {}, nil
  local message
  self.stream, message = io.open(jsonl(self.folder), "ab")
  if not self.stream then error(message, 0) end
  self.stream:setvbuf("full", 2 ^ 16)
end

-- warn(file, message) is called with what cannot be written.
function metrics.writer(folder, warn)
  local self = setmetatable({ folder = folder, warn = warn }, Writer)
  open(self)
  if self.stale then self:refresh() end
  return self
end

-- How long metrics.jsonl is.
function Writer:size()
  return self.stream:seek("end")
end

-- Goes back to the first `bytes` bytes.
function Writer:rewind(bytes)
  self.stream:close()
  open(self, bytes)
  self:refresh()
end

-- Makes metrics.csv new and opens it to go on.
function Writer:refresh()
  if self.table then self.table:close() end
  self.table = nil
  local ok, result = pcall(rewrite_csv, self.folder)
  local message = result
  if ok then
    self.columns, self.stale, self.row = result, false, nil
    self.table, message = io.open(csv(self.folder), "ab")
    if self.table then self.table:setvbuf("full", 2 ^ 16) end
  end
  if not self.table then
    self.broken = true
    self.warn("metrics.csv", message)
  end
end

-- Brings the row that is being collected to metrics.csv.
function Writer:endRow()
  local row = self.row
  if not row or self.broken then return end
  self.row = nil
  if self.stale then return self:refresh() end
  local ok, message = self.table:write(row_text(self.columns, row))
  if ok then ok, message = self.table:flush() end
  if not ok then
    self.broken = true
    self.warn("metrics.csv", message)
  end
end

-- values: {name = number}
function Writer:add(step, values)
  if self.row and self.row.step ~= step then self:endRow() end
  local time = clock.wall()
  local numbers = json.encode(values, { nan = "string" }):sub(2)
  local line = ('{"step":%d,"time":%.3f,%s\n'):format(step, time, numbers)
  local ok, message = self.stream:write(self.torn and "\n" or "", line)
  if ok then ok, message = self.stream:flush() end
  self.torn = not ok -- a part of it may be there
  if not ok then return self.warn("metrics.jsonl", message) end
  self.row = self.row or { step = step, values = {} }
  self.row.time = time
  for name, value in pairs(values) do self.row.values[name] = value end
  if add_columns(self.columns, values) then self.stale = true end
end

-- Ends both files. Collected objects come here with streams that are closed already.
function Writer:close()
  if io.type(self.table or 0) == "file" then
    self:endRow()
  elseif self.row or self.stale then
    pcall(rewrite_csv, self.folder)
  end
  if io.type(self.stream or 0) == "file" then self.stream:close() end
  if io.type(self.table or 0) == "file" then self.table:close() end
  self.stream, self.table = nil, nil
end

return metrics
