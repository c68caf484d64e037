-- rich: values as a notebook shows them: pictures, and tables of columns.

local torch = require "torch"

local rich = {}

-- ---- text ---------------------------------------------------------------------------------------

-- Text as UTF-8: what is none becomes a question mark in a diamond.
local function valid_text(text)
  local parts, at = {}, 1
  while true do
    local _, bad = utf8.len(text, at)
    if not bad then
      parts[#parts + 1] = text:sub(at)
      return table.concat(parts)
    end
    parts[#parts + 1] = text:sub(at, bad - 1) .. "\u{fffd}"
    at = bad + 1
  end
end

-- The texts of a table, made valid.
function rich.valid(texts)
  local out = {}
  for key, text in pairs(texts) do out[key] = valid_text(text) end
  return out
end

-- ---- pictures -----------------------------------------------------------------------------------

-- A matrix smaller than this is rather numbers than a picture.
local LEAST = 16

local function is_picture(x)
  if not torch.isTensor(x) or x:nElement() == 0 then return false end
  local dims = x:dim()
  if dims == 2 then return x:size(1) >= LEAST and x:size(2) >= LEAST end
  local planes = dims >= 3 and dims <= 4 and x:size(dims - 2)
  return planes == 1 or planes == 3
end

local function picture_file(x)
  local image = require "image"
  local file = os.tmpname()
  image.savePNG(file, image.toDisplayTensor { input = x:detach():to("cpu"):float(), padding = 1 })
  return file
end

-- ---- tables -------------------------------------------------------------------------------------

local MOST_ROWS, MOST_COLUMNS = 60, 40

local function is_vector(x)
  return torch.isTensor(x) and x:dim() == 1
end

-- The names of a table of columns, as data.csv gives it: vectors and lists of one length, by name; nil when
-- it is something else.
local function column_names(t)
  if type(t) ~= "table" or getmetatable(t) or next(t) == nil then return nil end
  local names, length, vectors = {}, nil, false
  for name, column in next, t do
    local list = type(column) == "table" and not getmetatable(column)
    if type(name) ~= "string" or not (list or is_vector(column)) then return nil end
    local n = list and #column or column:size(1)
    for i = 1, list and math.min(n, MOST_ROWS) or 0 do
      if type(column[i]) ~= "string" and type(column[i]) ~= "number" then return nil end
    end
    if n == 0 or length and n ~= length then return nil end
    names[#names + 1], length, vectors = name, n, vectors or not list
  end
  if not vectors and #names < 2 then return nil end
  table.sort(names)
  return names, length
end

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

local function cell(tag, value)
  local text = type(value) == "number" and math.type(value) == "float" and ("%.6g"):format(value)
    or tostring(value)
  return ("<%s>%s</%s>"):format(tag, text:gsub("[&<>]", entities), tag)
end

local function html_table(columns, names, length)
  local shown = table.move(names, 1, math.min(#names, MOST_COLUMNS), 1, {})
  local head = { cell("th", "") }
  for _, name in ipairs(shown) do head[#head + 1] = cell("th", name) end
  local rows = { "<tr>" .. table.concat(head) .. "</tr>" }
  for i = 1, math.min(length, MOST_ROWS) do
    local cells = { cell("th", i) }
    for _, name in ipairs(shown) do cells[#cells + 1] = cell("td", columns[name][i]) end
    rows[#rows + 1] = "<tr>" .. table.concat(cells) .. "</tr>"
  end
  return ("<table>\n%s\n</table>\n<p>%d rows, %d columns</p>")
    :format(table.concat(rows, "\n"), length, #names)
end

-- ---- all of it ----------------------------------------------------------------------------------

-- The kinds of a value besides text: { kind = text }, { kind = file }.  A tensor is a picture only where
-- one is asked for.
function rich.data(value, alone, pictures)
  local data, files = {}, {}
  if not alone then return data, files end
  if pictures and is_picture(value) then files["image/png"] = picture_file(value) end
  local names, length = column_names(value)
  if names then data["text/html"] = html_table(value, names, length) end
  return data, files
end

return rich
