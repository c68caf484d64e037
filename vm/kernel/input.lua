-- input: io.read and its like ask the notebook's user, in place of the standard input.

local input = {}

-- What the user has typed and nobody has read yet.
local rest = ""

-- What a read of one format gives; the text is read as a file with the text in it would be.
local function read_one(read, prompt, format)
  local word = type(format) == "string" and format:gsub("^%*", ""):sub(1, 1) or format
  while rest == "" or (word == "n" and not rest:find("%S")) do
    local line = prompt()
    if not line then return nil end
    rest = line .. "\n"
  end
  local file <close> = io.tmpfile()
  file:write(rest)
  file:seek("set")
  local value = read(file, format)
  rest = read(file, "a")
  return value
end

local function read_all(read, prompt, ...)
  local formats = table.pack(...)
  if formats.n == 0 then formats = { "l", n = 1 } end
  local values = {}
  for i = 1, formats.n do
    values[i] = read_one(read, prompt, formats[i])
    if values[i] == nil then return table.unpack(values, 1, i) end
  end
  return table.unpack(values, 1, formats.n)
end

-- ask() sends the request and gives {value = line}, without a value at an end of input, or {error = message}.
function input.install(ask)
  local methods = getmetatable(io.stdin).__index
  local read, lines, io_lines, standard = methods.read, methods.lines, io.lines, io.stdin
  local function prompt()
    io.stdout:flush()
    local reply = ask()
    if reply.error then error(reply.error, 0) end
    return reply.value
  end
  function methods.read(file, ...)
    if not rawequal(file, standard) then return read(file, ...) end
    return read_all(read, prompt, ...)
  end
  function methods.lines(file, ...)
    if not rawequal(file, standard) then return lines(file, ...) end
    local formats = table.pack(...)
    return function() return read_all(read, prompt, table.unpack(formats, 1, formats.n)) end
  end
  rawset(io, "read", function(...) return io.input():read(...) end)
  rawset(io, "lines", function(name, ...)
    if name == nil then return io.input():lines(...) end
    return io_lines(name, ...)
  end)
end

return input
