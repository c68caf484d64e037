-- show: runs as text: a table of several, the details of one, what differs.

local json = require "json"
local folder = require "runs.folder"

local show = {}

-- Text of a file, which must not do anything to a terminal.
function show.clean(text)
  text = tostring(text)
  if not utf8.len(text) then text = text:gsub("[\x80-\xff]", "?") end
  return (text:gsub("%c", " "):gsub("\u{9b}", " "))
end

local function width(text) return utf8.len(text) or #text end

local function cut(text, most)
  if width(text) <= most then return text end
  return text:sub(1, utf8.offset(text, most) - 1) .. "…"
end

local function number(value)
  if value == nil then return "" end
  if type(value) ~= "number" then return tostring(value) end
  if math.type(value) == "integer" then return tostring(value) end
  if value ~= value then return "nan" end
  return ("%.5g"):format(value)
end

local function setting(value)
  if value == nil or value == json.null then return "" end
  return show.clean(type(value) == "number" and number(value) or tostring(value))
end

local function date(seconds)
  if not seconds or seconds <= 0 or seconds > 1e11 then return "" end
  return os.date("%Y-%m-%d %H:%M", math.floor(seconds))
end

local function span(seconds)
  if not seconds or seconds ~= seconds or seconds >= 1e11 then return "" end
  if seconds < 60 then return ("%.1fs"):format(seconds) end
  local whole = math.floor(seconds)
  if whole < 3600 then return ("%dm%02ds"):format(whole // 60, whole % 60) end
  if whole < 86400 then return ("%dh%02dm"):format(whole // 3600, whole % 3600 // 60) end
  return ("%dd%02dh"):format(whole // 86400, whole % 86400 // 3600)
end

-- Rows of cells in columns; numbers (columns of `right`) end where their column ends.
local function print_table(rows, right)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, width(cell)) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      local blanks = (" "):rep(widths[i] - width(cell))
      cells[i] = right[i] and blanks .. cell or cell .. blanks
    end
    print((table.concat(cells, "  "):gsub("%s+$", "")))
  end
end

-- ---- several ---------------------------------------------------------------------------------------

local MOST_OPTIONS, MOST_WIDTH = 8, 24

function show.list(comparison, metrics, o)
  local head, right = { "name", "status", "started", "duration", "steps" }, { [4] = true, [5] = true }
  for _, name in ipairs(metrics) do
    head[#head + 1] = cut(show.clean(name), MOST_WIDTH)
    head[#head + 1] = o.best[name] == "max" and "highest" or "lowest"
    right[#head - 1], right[#head] = true, true
  end
  local options = table.move(comparison.differing, 1, math.min(#comparison.differing, MOST_OPTIONS), 1, {})
  for _, name in ipairs(options) do head[#head + 1] = cut(show.clean(name), MOST_WIDTH) end
  local rows = { head }
  for _, row in ipairs(comparison.rows) do
    local cells = { cut(show.clean(row.name), 40), show.clean(row.status), date(row.started),
      span(row.duration), number(row.steps) }
    for _, name in ipairs(metrics) do
      local m = row.metrics[name] or {}
      cells[#cells + 1] = number(m.last)
      cells[#cells + 1] = number(m[o.best[name]])
    end
    for _, name in ipairs(options) do cells[#cells + 1] = cut(setting(row.options[name]), MOST_WIDTH) end
    rows[#rows + 1] = cells
  end
  print_table(rows, right)
  local more = {}
  if #comparison.metrics > #metrics then
    more[1] = ("%d metrics not shown: --metric"):format(#comparison.metrics - #metrics)
  end
  if #comparison.differing > #options then
    more[#more + 1] = ("%d differing options not shown: --diff"):format(#comparison.differing - #options)
  end
  if #more > 0 then print("(" .. table.concat(more, "; ") .. ")") end
end

-- ---- one -------------------------------------------------------------------------------------------

local function sorted(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

local function print_settings(title, t)
  if next(t) == nil then return end
  print(title)
  local rows = {}
  for _, name in ipairs(sorted(t)) do rows[#rows + 1] = { "  " .. show.clean(name), setting(t[name]) } end
  print_table(rows, {})
end

local function tags_text(tags)
  local list = {}
  for i, tag in ipairs(tags) do list[i] = setting(tag) end
  return table.concat(list, ", ")
end

function show.one(comparison, o)
  local row = comparison.rows[1]
  local info = row.run.info
  local git = type(info.git) == "table" and info.git or {}
  local rows = { { "name", show.clean(row.name) }, { "folder", show.clean(row.run.folder) },
    { "status", show.clean(row.status) }, { "started", date(row.started) },
    { "duration", span(row.duration) }, { "steps", number(row.steps) }, { "seed", setting(row.seed) },
    { "script", setting(info.script) }, { "commit", setting(git.commit) .. (git.changed == true and
      ", with changes" or "") }, { "host", setting(info.host) }, { "version", setting(info.cresset) },
    { "tags", tags_text(row.run.tags) }, { "error", setting(info.error) } }
  local filled = {}
  for _, cells in ipairs(rows) do
    if cells[2] ~= "" then filled[#filled + 1] = cells end
  end
  print_table(filled, {})
  print_settings("options", row.options)
  print_settings("summary", row.summary)
  if #comparison.metrics == 0 then return end
  local list = { { "metric", "last", "at step", "best", "at step", "values" } }
  for _, name in ipairs(comparison.metrics) do
    local m, best = row.metrics[name], o.best[name]
    list[#list + 1] = { cut(show.clean(name), 40), number(m.last), number(m.step), number(m[best]),
      number(m[best .. "Step"]), number(m.count) }
  end
  print_table(list, { [2] = true, [3] = true, [4] = true, [5] = true, [6] = true })
end

-- ---- what differs ----------------------------------------------------------------------------------

-- The script that a run ended with.
local function script_of(run)
  local sessions = type(run.info.sessions) == "table" and run.info.sessions or {}
  local name = #sessions > 0 and sessions[#sessions].script
  return type(name) == "string" and not name:find("/") and folder.contents(run.folder .. "/" .. name) or nil
end

function show.differences(comparison)
  local head, right = { "" }, {}
  for i, row in ipairs(comparison.rows) do head[i + 1] = cut(show.clean(row.name), 40) end
  local rows = { head }
  local function add(title, value_of)
    local cells, same, first = { show.clean(title) }, true, nil
    for i, row in ipairs(comparison.rows) do
      local value = value_of(row)
      if i == 1 then first = value end
      same = same and value == first
      cells[i + 1] = cut(setting(value), 40)
    end
    if not same then rows[#rows + 1] = cells end
  end
  for _, name in ipairs(comparison.differing) do
    add(name, function(row) return row.options[name] end)
  end
  for _, name in ipairs { "seed", "script", "cresset", "lua", "host", "threads", "device" } do
    add("(" .. name .. ")", function(row) return row.run.info[name] end)
  end
  add("(commit)", function(row)
    local git = type(row.run.info.git) == "table" and row.run.info.git or {}
    return git.commit and tostring(git.commit):sub(1, 12) .. (git.changed == true and "+" or "")
  end)
  local scripts, count = {}, 0
  add("(script's text)", function(row)
    local text = script_of(row.run)
    if text and not scripts[text] then
      count = count + 1
      scripts[text] = "version " .. count
    end
    return text and scripts[text]
  end)
  if #rows == 1 then return print("the runs have the same options, scripts and versions") end
  print_table(rows, right)
end

-- ---- for other programs ----------------------------------------------------------------------------

local function csv_cell(value)
  if value == nil or value == json.null then return "" end
  local text = tostring(value)
  if type(value) == "number" then text = value == value and json.encode(value, { nan = "null" }) or "nan" end
  if text:find('[,"\r\n]') then return '"' .. text:gsub('"', '""') .. '"' end
  return text
end

function show.csv(comparison, o)
  local options = {}
  for _, row in ipairs(comparison.rows) do
    for name in pairs(row.options) do options[name] = true end
  end
  options = sorted(options)
  local head = { "name", "status", "started", "duration", "steps", "seed" }
  for _, name in ipairs(options) do head[#head + 1] = csv_cell(name) end
  for _, name in ipairs(comparison.metrics) do
    head[#head + 1] = csv_cell(name)
    head[#head + 1] = csv_cell(name .. " " .. o.best[name])
  end
  print(table.concat(head, ","))
  for _, row in ipairs(comparison.rows) do
    local cells = { csv_cell(row.name), csv_cell(row.status), ("%.3f"):format(row.started),
      ("%.3f"):format(row.duration), csv_cell(row.steps), csv_cell(row.seed) }
    for _, name in ipairs(options) do cells[#cells + 1] = csv_cell(row.options[name]) end
    for _, name in ipairs(comparison.metrics) do
      local m = row.metrics[name] or {}
      cells[#cells + 1] = csv_cell(m.last)
      cells[#cells + 1] = csv_cell(m[o.best[name]])
    end
    print(table.concat(cells, ","))
  end
end

return show
