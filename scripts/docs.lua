-- docs: the reference, the stubs for lua-language-server and the checks, all from the doc comments.
--
--   cresset scripts/docs.lua reference FOLDER   writes the pages
--   cresset scripts/docs.lua stubs FILE         writes the stubs
--   cresset scripts/docs.lua check              fails when a public name has no doc comment
--   cresset scripts/docs.lua examples           runs every example, and the Lua of README.md and
--                                               docs/*.md; files that they write go into the
--                                               current folder

local torch = require "torch"
local help = require "help"
local paths = require "paths"
for _, name in ipairs { "nn", "optim", "data", "sys", "xlua", "plot", "autograd", "graph", "nngraph", "dok",
  "image", "threads", "gnuplot", "json", "cjson",
  "train", "tune" } do
  _G[name] = require(name)
end
for _, name in ipairs { "tensorboard", "runs" } do -- these are missing where a library is
  local ok, package = pcall(require, name)
  if ok then _G[name] = package end
end

-- The entries in the order of their places, each once.
local function entries()
  local list, seen = {}, {}
  for _, entry in pairs(help.index()) do
    if not seen[entry] then list[#list + 1], seen[entry] = entry, true end
  end
  table.sort(list, function(a, b)
    if a.file ~= b.file then return a.file < b.file end
    return a.line < b.line
  end)
  return list
end

local function write_file(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

-- ---- the reference ---------------------------------------------------------------------------------

-- "torch", "math" for lib/torch/math_lua.c: the folder and the page of a source.
local function page_of(path)
  local folder, name = path:match("([^/]+)/([^/]+)%.%w+$")
  return folder, (name:gsub("_lua$", ""))
end

-- What a source says of itself in its first comment.
local function title_of(path)
  local file = io.open(path)
  if not file then return nil end
  local head = file:read(400) or ""
  file:close()
  local text = head:match("^/%*.-:%s+(.-)[.:]%s") or head:match("^%-%-%s*[%w_]+:%s+(.-)[.:]%s")
  return text and text:gsub("%s*\n[%s*%-]*", " ")
end

local function markdown(entry)
  local out = { ("### `%s`"):format(table.concat(entry.names, "`, `")), "", "```lua" }
  for _, s in ipairs(entry.signatures) do out[#out + 1] = s end
  out[#out + 1] = "```\n"
  out[#out + 1] = entry.text
  out[#out + 1] = ""
  for _, f in ipairs(entry.fields) do out[#out + 1] = ("- **%s**: %s"):format(f.name, f.text) end
  if entry.example then out[#out + 1] = "\n```lua\n" .. entry.example .. "\n```" end
  return table.concat(out, "\n") .. "\n"
end

local function pages()
  local list, by_name = {}, {}
  for _, entry in ipairs(entries()) do
    local folder, name = page_of(entry.file)
    local key = folder .. "/" .. name
    if not by_name[key] then
      by_name[key] = { folder = folder, name = name, title = title_of(entry.file), entries = {} }
      list[#list + 1] = by_name[key]
    end
    table.insert(by_name[key].entries, entry)
  end
  return list
end

local function write_reference(folder)
  local contents = { "# Reference", "", "Written by `make docs` from the doc comments.  At the prompt, "
    .. "`help(torch.narrow)` shows the same.", "" }
  local names, last = {}, nil
  for _, page in ipairs(pages()) do
    paths.mkdir(folder .. "/" .. page.folder)
    local out = { ("# %s: %s\n"):format(page.folder, page.name) }
    if page.title then out[#out + 1] = page.title:gsub("^%l", string.upper) .. ".\n" end
    local link = page.folder .. "/" .. page.name .. ".md"
    for _, entry in ipairs(page.entries) do
      out[#out + 1] = markdown(entry)
      for _, name in ipairs(entry.names) do names[#names + 1] = { name, link, entry.summary } end
    end
    write_file(folder .. "/" .. link, table.concat(out, "\n"))
    if page.folder ~= last then contents[#contents + 1] = "\n## " .. page.folder .. "\n" end
    last = page.folder
    contents[#contents + 1] = ("- [%s](%s): %s"):format(page.name, link, page.title or "")
  end
  table.sort(names, function(a, b) return a[1] < b[1] end)
  contents[#contents + 1] = "\n## Every name\n"
  for _, n in ipairs(names) do
    contents[#contents + 1] = ("- [`%s`](%s) %s"):format(n[1], n[2], n[3]:gsub("\n", " "))
  end
  write_file(folder .. "/README.md", table.concat(contents, "\n") .. "\n")
  print(("%d names on %d pages in %s"):format(#names, #pages(), folder))
end

-- ---- stubs -----------------------------------------------------------------------------------------

local types = { tensor = "torch.Tensor", vector = "torch.Tensor", matrix = "torch.Tensor",
  integer = "integer", number = "number", dim = "integer", string = "string", name = "string",
  ["function"] = "function", table = "table", list = "table", ["true"] = "boolean",
  ["false"] = "boolean", boolean = "boolean" }

-- A type for a field from its first words: the first that they name, or with "or" all of them.
local function type_of(text)
  local class = text:match("^%l+%.%u%w*")
  if class or text:find("^any ") then return class or "any" end
  local first = text:lower():match("^[^,;.]*")
  local found = {}
  for word, kind in pairs(types) do
    local at = first:find((word == "tensor" and "%f[%a]%a*" or "%f[%a]") .. word)
    if at then found[#found + 1] = { at, kind } end
  end
  if #found == 0 then return "any" end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  local list, seen = {}, {}
  for _, f in ipairs(first:find(" or ") and found or { found[1] }) do
    if not seen[f[2]] then list[#list + 1], seen[f[2]] = f[2], true end
  end
  return table.concat(list, "|")
end

-- Parameters as {name, optional}; what stands in brackets is optional.
local function parameters(signature)
  local list, depth, at = {}, 0, 1
  local inside = (signature:match("%b()") or "()"):sub(2, -2)
  while at <= #inside do
    local ch = inside:sub(at, at)
    local word = inside:match("^%.%.%.", at) or inside:match("^[%a_][%w_]*", at)
    if ch == "[" then depth = depth + 1 elseif ch == "]" then depth = depth - 1 end
    if word then list[#list + 1] = { word, depth > 0 } end
    at = at + (word and #word or 1)
  end
  return list
end

local keywords = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return "
  .. "then true until while"):gmatch("%a+") do keywords[word] = true end

local function stub(entry, name, signature, out)
  local described = {}
  for _, f in ipairs(entry.fields) do
    for word in f.name:gmatch("[%w_.]+") do described[word] = f.text end
  end
  out[#out + 1] = "---" .. entry.text:gsub("\n", "\n---")
  local args, seen = {}, {}
  local list = parameters(signature)
  for i, p in ipairs(list) do
    if p[1] == "..." then table.insert(list, table.remove(list, i)) end -- Lua wants it last
  end
  for _, p in ipairs(list) do
    local word = keywords[p[1]] and p[1] .. "_" or p[1]
    if not seen[word] and not seen["..."] then -- nothing may follow it in Lua
      seen[word], args[#args + 1] = true, word
      local text = described[p[1]]
      out[#out + 1] = ("---@param %s%s %s %s"):format(word, p[2] and word ~= "..." and "?" or "",
        text and type_of(text) or "any", text or "")
    end
  end
  if described.Returns then
    out[#out + 1] = ("---@return %s # %s"):format(type_of(described.Returns), described.Returns)
  end
  out[#out + 1] = ("function %s(%s) end\n"):format(name, table.concat(args, ", "))
end

local function write_stubs(path)
  local out, declared = { "---@meta", "" }, {}
  local function declare(class)
    if class == "" or declared[class] then return end
    declare(class:match("^(.*)%.[^.]*$") or "")
    declared[class] = true
    out[#out + 1] = class:find("%.") and ("---@class %s\n%s = {}\n"):format(class, class)
      or ("---@class %s\n%s = {}\n"):format(class, class)
  end
  for _, entry in ipairs(entries()) do
    for i, name in ipairs(entry.names) do
      local is_package = not name:find("[.:]") and type(_G[name]) ~= "function" -- which is called itself
      if help.index()[name] == entry and not declared[name] and not is_package then
        declare(name:match("^(.*)[.:][^.:]*$") or "")
        stub(entry, name, entry.signatures[i], out)
      end
    end
  end
  write_file(path, table.concat(out, "\n"))
  assert(loadfile(path))
end

-- ---- checks ----------------------------------------------------------------------------------------

local function documented(name, value, parents, by_value)
  local index = help.index()
  if index[name] or by_value[value] then return true end
  if index[name:match("^(.*):new$")] then return true end -- the constructor, as the class says
  local method = name:match(":([%w_]+)$")
  for _, class in ipairs(parents or {}) do
    if index[class .. ":" .. method] then return true end
  end
  return false
end

local function check()
  local by_value, missing, count = {}, {}, 0
  help.each(function(name, value)
    if help.index()[name] then by_value[value] = true end
  end)
  local seen = {}
  help.each(function(name, value, parents)
    if seen[name] then return end
    seen[name] = true
    count = count + 1
    if not documented(name, value, parents, by_value) then missing[#missing + 1] = name end
  end)
  table.sort(missing)
  for _, name in ipairs(missing) do print("no doc comment: " .. name) end
  print(("%d passed, %d failed"):format(count - #missing, #missing))
  return #missing == 0
end

-- Turns `expr --> text` into a check of the value.
local function instrument(example)
  return (example:gsub("([^\n]+)", function(line)
    local expr, want = line:match("^(.-)%s*%-%->%s*(.-)%s*$")
    if not expr then return line end
    return ("__expect(%q, %s)"):format(want, expr)
  end))
end

local function expect(want, ...)
  local got = table.pack(...)
  for i = 1, got.n do got[i] = tostring(got[i]):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "") end
  local text = table.concat(got, " ", 1, got.n)
  if text ~= want:gsub("%s+", " ") then error(("got %q, wanted %q"):format(text, want), 2) end
end

local function run_chunk(text, name, scope)
  local chunk, message = load(instrument(text), name, "t", scope)
  if not chunk then return false, message end
  return xpcall(chunk, debug.traceback)
end

local function run_example(entry)
  torch.manualSeed(1)
  return run_chunk(entry.example, ("=%s:%d (example)"):format(entry.file, entry.line),
    setmetatable({ __expect = expect }, { __index = _G }))
end

-- The blocks of a page that are fenced as ```lua alone, with empty lines before so that the numbers of
-- their lines are those of the page.
local function page_blocks(text)
  local blocks, number, current = {}, 0, nil
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    if current and line:find("^```") then
      blocks[#blocks + 1] = { line = current.line, text = table.concat(current, "\n") }
      current = nil
    elseif current then
      current[#current + 1] = line
    elseif line:find("^```lua%s*$") then
      current = { line = number, ("\n"):rep(number - 1) }
    end
  end
  return blocks
end

-- Runs the blocks of a page, which share their globals; they may print, but nobody sees it.
local function run_page(path)
  local file = assert(io.open(path))
  local blocks = page_blocks(file:read "a")
  file:close()
  local scope = { __expect = expect, print = function(...)
    for _, v in ipairs { ... } do tostring(v) end
  end }
  setmetatable(scope, { __index = _G })
  torch.manualSeed(1)
  for _, block in ipairs(blocks) do
    local ok, message = run_chunk(block.text, "=" .. path, scope)
    if not ok then return false, message, block.line, #blocks end
  end
  return true, nil, nil, #blocks
end

-- README.md and docs/*.md of the tree that this script lies in.
local function pages_of_the_tree()
  local top = paths.dirname(paths.dirname(arg[0]))
  local list = { top .. "/README.md" }
  local docs = {}
  for name in paths.files(top .. "/docs", "%.md$") do docs[#docs + 1] = top .. "/docs/" .. name end
  table.sort(docs)
  return table.move(docs, 1, #docs, 2, list)
end

local function examples()
  local passed, failed = 0, 0
  local function count(ok, message, place)
    if ok then
      passed = passed + 1
    else
      failed = failed + 1
      print(("%s: %s"):format(place, message))
    end
  end
  for _, entry in ipairs(entries()) do
    if entry.example then
      local ok, message = run_example(entry)
      count(ok, message, ("%s:%d"):format(entry.file, entry.line))
    end
  end
  for _, path in ipairs(pages_of_the_tree()) do
    local ok, message, line, blocks = run_page(path)
    if blocks > 0 then count(ok, message, ("%s:%d"):format(path, line or 1)) end
  end
  print(("%d passed, %d failed"):format(passed, failed))
  return failed == 0
end

-- ---- the command -----------------------------------------------------------------------------------

local commands = { reference = write_reference, stubs = write_stubs, check = check, examples = examples }
local command = commands[arg[1]]
if not command then
  io.stderr:write("usage: cresset scripts/docs.lua reference FOLDER | stubs FILE | check | examples\n")
  os.exit(2)
end
local target = arg[2]
if arg[1] == "reference" then
  paths.mkdir("docs")
  paths.mkdir(target)
end
os.exit(command(target) ~= false)
