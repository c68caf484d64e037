-- Logger: a table of numbers in a file that grows by a row at a time, and curves of its columns.

local torch = require "torch"
local raise = require("torch.caller").raise

return function(optim)
  local Logger = torch.class("optim.Logger", optim)

  --- optim.Logger([filename [, timestamp]])
  --
  -- A table of numbers in a file that grows by a row at a time, and curves of its columns.
  --
  -- filename: name of the file; without it the rows go to the standard output
  -- timestamp: true adds the time to the name
  -- Returns: an optim.Logger
  -- Errors: the file cannot be written
  -- From: Torch7
  -- Example:
  --   logger = optim.Logger("train.log"):setNames({ "loss" }):add({ 0.5 })
  --   io.open("train.log"):read("l") --> loss
  function Logger:__init(filename, timestamp)
    self.name = filename or "stdout"
    self.file = io.stdout
    if filename then
      local path = timestamp and filename .. os.date("-%Y_%m_%d_%H_%M_%S") or filename
      local paths = require "paths"
      paths.mkdir(paths.dirname(path), true)
      local file, message = io.open(path, "w")
      if not file then raise("optim.Logger: %s", message) end
      self.file = file
    end
    self.names, self.columns, self.styles, self.rows = {}, {}, {}, {}
    self.symbols = self.columns -- Torch7's name for them
    self.logscale, self.showPlot = false, true
  end

  -- A log that cannot be written, as on a full disk, is told once and does not end the training.
  local function write(self, ...)
    local ok, message = self.file:write(...)
    if ok then ok, message = self.file:flush() end
    if ok or self.failed then return end
    self.failed = true
    io.stderr:write(("optim.Logger: %s: cannot write: %s\n"):format(self.name, tostring(message)))
  end

  local function sorted_keys(t)
    local keys = {}
    for key in pairs(t) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b)
      if type(a) == "number" and type(b) == "number" then return a < b end
      return tostring(a) < tostring(b)
    end)
    return keys
  end

  --- logger:setNames(names); logger:add(row)
  --
  -- The names of the columns, for rows that are given as lists; a row.
  --
  -- names: table of strings; without any the columns are called as the first row says, or by numbers
  -- row: table: values in the order of the names, or name = value; a value is a number, a tensor of one
  --   element or a string
  -- Returns: the logger
  -- Errors: add: a value is missing, or is something else
  -- From: Torch7
  -- Example:
  --   logger = optim.Logger("train.log"):add { loss = 0.5, error = 3 }
  --   logger.names[1], logger.columns[2][1] --> error 0.5
  function Logger:setNames(names)
    self.names, self.columns, self.rows = {}, {}, {}
    self.symbols = self.columns
    for i, name in ipairs(names) do
      self.names[i] = tostring(name)
      self.columns[i] = {}
    end
    write(self, table.concat(self.names, "\t"), "\t\n")
    return self
  end

  -- How a value looks in the file.
  local function cell(name, value)
    if torch.isTensor(value) and value:nElement() == 1 then value = value:item() end
    if type(value) == "boolean" then value = value and 1 or 0 end
    if type(value) == "number" then return ("%11.4e"):format(value), value end
    if type(value) ~= "string" then
      raise("optim.Logger: the value of '%s' is a %s, wanted a number or a string", name, torch.type(value))
    end
    return value, tonumber(value) or 0 / 0 -- not drawn
  end

  function Logger:add(row)
    if #self.names == 0 then self:setNames(sorted_keys(row)) end
    if #row == 0 then
      local list = {}
      for i, name in ipairs(self.names) do list[i] = row[name] end
      row = list
    end
    local cells, numbers = {}, {}
    for i, name in ipairs(self.names) do
      if row[i] == nil then raise("optim.Logger: no value for '%s'", name) end
      cells[i], numbers[i] = cell(name, row[i])
    end
    for i, column in ipairs(self.columns) do column[#column + 1] = numbers[i] end
    self.rows[#self.rows + 1] = cells
    write(self, table.concat(cells, "\t"), "\t\n")
    return self
  end

  --- logger:style(styles); logger:setlogscale(on); logger:display(on)
  --
  -- The styles of the curves; whether their vertical axis is logarithmic; whether logger:plot shows them
  -- on the terminal besides writing the picture.
  --
  -- styles: table, name = style or a list: "-" is a line, "+" points, "+-" both, "." dots, "|" boxes, "~" a
  --   smooth line where gnuplot draws it; a table of several draws the curve in each
  -- on: true or false
  -- Returns: the logger
  -- From: Torch7
  -- Example:
  --   logger = optim.Logger("train.log"):setNames({ "loss" }):style({ loss = "+" }):setlogscale(true)
  --   logger.logscale --> true
  function Logger:style(styles)
    if type(styles) ~= "table" then
      raise("optim.Logger:style: a table of styles expected, got %s", torch.type(styles))
    end
    for i, name in ipairs(self.names) do
      local style = styles[name] or styles[i] or self.styles[i]
      if style ~= nil and type(style) ~= "string" and type(style) ~= "table" then
        raise("optim.Logger:style: the style of '%s' must be a string or a table of strings", name)
      end
      self.styles[i] = style
    end
    return self
  end

  function Logger:setlogscale(on)
    self.logscale = on
    return self
  end

  function Logger:display(on)
    self.showPlot = on
    return self
  end

  -- The columns to draw: those of some names, or all.
  local function curves_of(self, wanted)
    for _, w in ipairs(wanted) do
      local known = false
      for _, name in ipairs(self.names) do known = known or w == name end
      if not known then raise("optim.Logger:plot: there is no column '%s'", tostring(w)) end
    end
    local curves = {}
    for i, name in ipairs(self.names) do
      local chosen = #wanted == 0
      for _, w in ipairs(wanted) do chosen = chosen or w == name end
      local column, styles = self.columns[i], self.styles[i]
      if type(styles) ~= "table" then styles = { styles or false } end
      for _, style in ipairs(chosen and #column > 0 and styles or {}) do
        curves[#curves + 1] = { name, column, style or nil }
      end
    end
    return curves
  end

  --- logger:plot(...)
  --
  -- Draws the columns into <filename>.png, or .svg where gnuplot is missing.
  --
  -- ...: names of columns; all by default
  -- Returns: the name of the picture; nil when there is nothing to draw, or no file
  -- Errors: there is no column of that name
  -- From: Torch7, which wrote <filename>.eps
  -- Example:
  --   optim.Logger("train.log"):setNames({ "loss" }):plot() --> nil
  function Logger:plot(...)
    local curves = curves_of(self, { ... })
    if #curves == 0 then return nil end
    local plot = require "plot"
    local options = { title = self.name, logscale = self.logscale }
    if self.showPlot then io.write(plot.text(curves, options), "\n") end
    if self.file == io.stdout then return nil end
    return plot.curves(self.name .. ".png", curves, options)
  end

  local function escape(text)
    return (tostring(text):gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
  end

  -- The curves as the text of a picture.
  local function picture(self, plot)
    local curves = curves_of(self, {})
    if #curves == 0 then return "" end
    local path = os.tmpname()
    os.remove(path)
    plot.curves(path .. ".svg", curves, { title = self.name, logscale = self.logscale })
    local file = io.open(path .. ".svg")
    local text = file:read("a")
    file:close()
    os.remove(path .. ".svg")
    return text
  end

  --- logger:html([filename])
  --
  -- Writes a page with the curves and a table of all rows.
  --
  -- filename: the name of the logger with .html by default
  -- Returns: the name of the page
  -- Errors: the file cannot be written; a name is missing, as the logger has none
  -- Example:
  --   logger = optim.Logger("train.log"):setNames({ "loss" }):add({ 0.5 })
  --   logger:html() --> train.log.html
  function Logger:html(filename)
    if not filename and self.file == io.stdout then raise("optim.Logger:html: a file name expected") end
    filename = filename or self.name .. ".html"
    local lines = { "<!DOCTYPE html>", '<html><head><meta charset="utf-8"><title>' .. escape(self.name)
      .. "</title></head><body>", picture(self, require "plot"), "<table><tr>" }
    for _, name in ipairs(self.names) do lines[#lines + 1] = "<th>" .. escape(name) .. "</th>" end
    lines[#lines + 1] = "</tr>"
    for _, row in ipairs(self.rows) do
      local cells = {}
      for i, text in ipairs(row) do cells[i] = "<td>" .. escape(text) .. "</td>" end
      lines[#lines + 1] = "<tr>" .. table.concat(cells) .. "</tr>"
    end
    lines[#lines + 1] = "</table></body></html>\n"
    local file, message = io.open(filename, "w")
    if not file then raise("optim.Logger:html: %s", message) end
    file:write(table.concat(lines, "\n"))
    if not file:close() then raise("optim.Logger:html: %s: cannot write", filename) end
    return filename
  end
end
