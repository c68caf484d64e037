-- csv: data.csv and data.saveCsv, tables of text.

local torch = require "torch"
local csv = require "data._csv"
local save = require "formats.save"
local check_options = require("torch.options").check
local raise = require("torch.caller").raise

-- What pandas and NumPy take for "not there".
local missing_words = {
  "", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None", "#N/A", "<NA>",
}

local classes = { bool = "Bool", int = "Long", float = "Double" }

local known = {
  header = true, separator = true, missing = true, fill = true, types = true, mask = true, skip = true,
  limit = true, tensor = true,
}

local function separator_of(fn, path, options)
  local separator = options.separator
  if separator == nil then separator = path:lower():find("%.tsv") and "\t" or "," end
  if type(separator) ~= "string" or #separator ~= 1 or separator:find('["\r\n%z]') then
    raise("%s: separator is one character, no quote or line end", fn)
  end
  return separator
end

local function names_of(header, n)
  local names, seen = {}, {}
  for i = 1, n do
    local name = header and header[i] or i
    if seen[name] then raise("data.csv: the header has '%s' twice", tostring(name)) end
    names[i], seen[name] = name, true
  end
  return names
end

-- An option that is one value for all columns, or a table by name or number.
local function choice(option, name, i)
  if type(option) ~= "table" then return option end
  if option[name] ~= nil then return option[name] end
  return option[i]
end

local function check_choice(what, option, names)
  if type(option) ~= "table" then return end
  local there = {}
  for i, name in ipairs(names) do there[name], there[i] = true, true end
  for key in pairs(option) do
    if not there[key] then raise("data.csv: %s: there is no column '%s'", what, tostring(key)) end
  end
end

-- "torch.FloatTensor" by "float32", "float", "FloatTensor" and itself; likewise for the others.
local class_names = {}
for short, dtype in pairs {
  Float = "float32", Double = "float64", Half = "float16", BFloat16 = "bfloat16", Char = "int8",
  Byte = "uint8", Short = "int16", Int = "int32", Long = "int64", Bool = "bool",
} do
  local class = "torch." .. short .. "Tensor"
  class_names[dtype], class_names[short:lower()] = class, class
  class_names[short .. "Tensor"], class_names[class] = class, class
end

local function class_named(name)
  return class_names[name] or raise("data.csv: types: there is no type '%s'", tostring(name))
end

-- The class of tensor for a column, or nil for a list of strings.
local function class_of(kind, type_name, has_gaps, fill)
  if type_name == "string" then return nil end
  if type_name then return class_named(type_name) end
  if kind == "text" then return nil end
  local whole = math.tointeger(fill)
  local keeps = not has_gaps or (kind == "int" and whole) or (kind == "bool" and (whole == 0 or whole == 1))
  return "torch." .. (keeps and classes[kind] or "Double") .. "Tensor"
end

local function new_tensor(class, ...)
  return torch[class:match("torch%.(.*)")](...)
end

-- What a missing value of the column becomes in the second pass.
local function fill_of(class, fill)
  if type(fill) == "number" then return math.tointeger(fill) or fill end
  return (class:find("Double") or class:find("Float") or class:find("Half")) and 0 / 0 or false
end

local function matrix_wanted(options, header, kinds)
  if options.tensor ~= nil then return options.tensor end
  if header or options.types == "string" or type(options.types) == "table" then return false end
  for _, kind in ipairs(kinds) do
    if kind == "text" then return false end
  end
  return #kinds > 0
end

-- The targets of the second pass for a matrix, and the matrix.
local function matrix_targets(options, names, rows)
  local class = options.types and class_named(options.types) or "torch.DoubleTensor"
  local matrix = new_tensor(class, rows, #names)
  local targets, fills = {}, {}
  for i, name in ipairs(names) do
    targets[i] = rows > 0 and matrix:select(2, i) or new_tensor(class)
    fills[i] = fill_of(class, choice(options.fill, name, i))
  end
  return matrix, targets, fills
end

local function column_targets(options, names, kinds, gaps, rows)
  local columns, targets, fills = {}, {}, {}
  for i, name in ipairs(names) do
    local fill = choice(options.fill, name, i)
    local class = class_of(kinds[i], choice(options.types, name, i), gaps[i], fill)
    targets[i] = class and new_tensor(class, rows) or { [0] = type(fill) == "string" and fill or "" }
    fills[i] = class and fill_of(class, fill)
    columns[name] = targets[i]
  end
  return columns, targets, fills
end

local function mask_targets(wanted, names, rows)
  local masks, list = {}, {}
  for i, name in ipairs(names) do
    list[i] = wanted and torch.BoolTensor(rows) or false
    masks[name] = list[i] or nil
  end
  return wanted and masks or nil, list
end

local data = {}

--- data.csv(path [, options])
--
-- Reads a table of text: comma-separated values, plain or compressed by gzip.  Cells in double quotes
-- may hold separators, line ends and doubled quotes; empty lines are passed over.
--
-- Without a header and with numbers only, the result is a matrix.  Otherwise it is a table of columns by
-- their names (by number where there is no header): LongTensor for whole numbers, DoubleTensor for
-- others, BoolTensor for true and false, a list of strings for the rest.  A missing value is NaN; it
-- makes a column of whole numbers one of doubles unless `fill` says what to put there.
--
-- path: the file's name
-- options: a table, all its fields optional:
--   header: true or false; by default the first line is one when none of its cells is a number,
--     true or false, or missing
--   separator: one character; by default "," and, for files ending in .tsv, a tab
--   types: a type for all columns or a table of them by name or number: "string", or a tensor's
--     type such as "float32" or "int64"
--   missing: the list of cells that mean a missing value; by default the empty one, NA, NaN, null
--     and their like
--   fill: what to put for missing values: a number (in columns of text a string), or a table of them
--     by name or number
--   mask: true gives a third result, a BoolTensor for each column that is true where a value is missing
--   tensor: true for a matrix, false for a table of columns
--   skip: how many lines to pass over at the beginning
--   limit: the bytes that a compressed file may expand to; by default 256 MiB or a hundred times its
--     size
-- Returns: a matrix or a table of columns; the list of the columns' names in order; masks if wanted
-- Errors: rows of different length, a missing quote, a cell that its column's type cannot hold: the
--   message has the line and the field
-- From: RFC 4180 for the format, pandas.read_csv for the rest
-- Example:
--   io.open("a.csv", "w"):write("name,age\nAda,36\nAlan,41\n"):close()
--   columns, names = data.csv("a.csv")
--   columns.age:sum() --> 77
--   names[1] .. ":" .. columns.name[2] --> name:Alan
function data.csv(path, options)
  if type(path) ~= "string" then raise("data.csv: a file name expected, got %s", type(path)) end
  options = check_options("data.csv", options, known)
  local how = {
    path = path, separator = separator_of("data.csv", path, options), skip = options.skip or 0,
    limit = options.limit or 0, missing = options.missing or missing_words,
  }
  local rows, header, kinds, gaps = csv.scan(how, options.header)
  local names = names_of(header, #kinds)
  check_choice("types", options.types, names)
  check_choice("fill", options.fill, names)
  local result, targets, fills
  if matrix_wanted(options, header, kinds) then
    result, targets, fills = matrix_targets(options, names, rows)
  else
    result, targets, fills = column_targets(options, names, kinds, gaps, rows)
  end
  local masks, mask_list = mask_targets(options.mask, names, rows)
  if rows > 0 then csv.read(how, targets, fills, mask_list, rows, header ~= nil) end
  for _, target in ipairs(targets) do
    if type(target) == "table" then target[0] = nil end
  end
  return result, names, masks
end

-- ---- writing --------------------------------------------------------------------------------------

local function is_column(value)
  return type(value) == "table" or (torch.isTensor(value) and value:dim() <= 1)
end

-- The columns of what is to be written, and their names or nil.
local function columns_of(what, names)
  if torch.isTensor(what) then
    if what:dim() == 1 then return { what }, names end
    if what:dim() ~= 2 then
      raise("data.saveCsv: a matrix, a vector or a table of columns expected, got %d dimensions", what:dim())
    end
    local columns = {}
    for i = 1, what:size(2) do columns[i] = what:select(2, i) end
    return columns, names
  end
  if not names and #what == 0 then
    names = {}
    for name in pairs(what) do names[#names + 1] = name end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  end
  local columns = {}
  for i = 1, names and #names or #what do
    local key = names and what[names[i]] ~= nil and names[i] or i
    columns[i] = what[key]
    if not is_column(columns[i]) then
      raise("data.saveCsv: column '%s' is no vector and no list", tostring(names and names[i] or i))
    end
  end
  return columns, names
end

-- Strings and numbers of a list as the strings that are written.
local function as_text(list)
  local out = {}
  for i, value in ipairs(list) do
    local kind = type(value)
    if kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
      raise("data.saveCsv: a list of columns of text holds a %s", kind)
    end
    out[i] = kind == "string" and value or tostring(value)
  end
  return out
end

local function length_of(column)
  return torch.isTensor(column) and column:nElement() or #column
end

local BLOCK = 4096 -- rows that pass through a string at a time

local function write_rows(stream, columns, separator)
  local rows = columns[1] and length_of(columns[1]) or 0
  for first = 1, rows, BLOCK do
    save.put(stream, csv.format(columns, first, math.min(rows, first + BLOCK - 1), separator))
  end
end

--- data.saveCsv(path, what [, options])
--
-- Writes a matrix, a vector or a table of columns as text that data.csv reads back.  Numbers have as
-- many digits as it takes to be the same again; text is quoted where it must be.  The file changes all
-- at once, at the end.
--
-- path: the file's name
-- what: a tensor of one or two dimensions, or a table of columns, each a vector or a list
-- options: a table, all its fields optional:
--   names: the columns' names in order, written as the first line; by default a table's keys, sorted
--   header: false leaves the names out
--   separator: one character, as for data.csv
-- Errors: columns of different length
-- Example:
--   data.saveCsv("a.csv", { x = torch.LongTensor { 1, 2 }, y = { "a", "b" } })
--   data.csv("a.csv").y[2] --> b
function data.saveCsv(path, what, options)
  if type(path) ~= "string" then raise("data.saveCsv: a file name expected, got %s", type(path)) end
  if type(what) ~= "table" and not torch.isTensor(what) then
    raise("data.saveCsv: a tensor or a table of columns expected, got %s", torch.type(what))
  end
  options = options or {}
  check_options("data.saveCsv", options, { names = true, header = true, separator = true })
  if path:lower():find("%.gz$") then raise("data.saveCsv: %s: compressed files are only read", path) end
  local separator = separator_of("data.saveCsv", path, options)
  local columns, names = columns_of(what, options.names)
  if names and #names ~= #columns then
    raise("data.saveCsv: %d names for %d columns", #names, #columns)
  end
  for i, column in ipairs(columns) do
    if length_of(column) ~= length_of(columns[1]) then
      raise("data.saveCsv: column %d has %d rows, the first one %d", i, length_of(column),
        length_of(columns[1]))
    end
    columns[i] = torch.isTensor(column) and save.onHost(column) or as_text(column)
  end
  save.whole("data.saveCsv", path, function(stream)
    if names and options.header ~= false and #names > 0 then
      local cells = {}
      for i, name in ipairs(as_text(names)) do cells[i] = { name } end
      save.put(stream, csv.format(cells, 1, 1, separator))
    end
    write_rows(stream, columns, separator)
  end)
end

return data
