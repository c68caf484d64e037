-- bpe_files: the files that GPT-2's vocabulary is published as: vocab.json, a dictionary of tokens and
-- numbers from 0, and merges.txt, a pair a line.
--
-- Both write a byte as a character: printable ones of Latin-1 as themselves, the others, in order, as those
-- from U+0100 on.

local characters = require("data._text").characters
local save = require "formats.save"
local raise = require("torch.caller").raise

local files = {}

-- The bytes in the order of the characters that stand for them.
files.byteOrder = {}
local to_character, to_byte = {}, {}

local function build()
  local others = {}
  for byte = 0, 255 do
    local printable = byte > 32 and byte < 127 or byte > 160 and byte ~= 173
    local list = printable and files.byteOrder or others
    list[#list + 1] = byte
    if printable then to_character[byte] = utf8.char(byte) end
  end
  for i, byte in ipairs(others) do
    files.byteOrder[#files.byteOrder + 1] = byte
    to_character[byte] = utf8.char(255 + i)
  end
  for byte, character in pairs(to_character) do to_byte[character] = string.char(byte) end
end

build()

-- The bytes that a token of such a file stands for; nil when it has other characters.
local function to_bytes(token)
  local out = {}
  for i, character in ipairs(characters(token)) do
    local byte = to_byte[character]
    if not byte then return nil end
    out[i] = byte
  end
  return table.concat(out)
end

local function to_text(bytes)
  return (bytes:gsub(".", function(byte) return to_character[byte:byte()] end))
end

local function read_all(fn, path)
  if type(path) ~= "string" then raise("%s: a file name expected, got %s", fn, type(path)) end
  local file, message = io.open(path, "rb")
  if not file then raise("%s: %s", fn, message) end
  local text, why = file:read("a")
  file:close()
  if not text then raise("%s: %s: %s", fn, path, why) end
  return text
end

-- ---- vocab.json ---------------------------------------------------------------------------------

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

-- A string's contents with their escapes resolved; nil when one is wrong.
local function unescape(s)
  if not s:find("\\", 1, true) then return s end
  local out, at = {}, 1
  while at <= #s do
    local slash = s:find("\\", at, true)
    out[#out + 1] = s:sub(at, (slash or #s + 1) - 1)
    if not slash then break end
    local letter = s:sub(slash + 1, slash + 1)
    local code = letter == "u" and tonumber(s:match("^%x%x%x%x", slash + 2) or "", 16)
    at = slash + (code and 6 or 2)
    if code and code >= 0xd800 and code < 0xdc00 then
      local low = tonumber(s:match("^\\u(%x%x%x%x)", at) or "", 16)
      if not low or low < 0xdc00 or low > 0xdfff then return nil end
      code, at = 0x10000 + (code - 0xd800) * 1024 + low - 0xdc00, at + 6
    end
    if not code and not escapes[letter] then return nil end
    out[#out + 1] = code and utf8.char(code) or escapes[letter]
  end
  return table.concat(out)
end

-- Where the string that begins at `from` ends; its quote is not one behind a backslash.
local function string_end(s, from)
  local at = from
  while true do
    at = s:find('["\\]', at)
    if not at or s:byte(at) == 34 then return at end
    at = at + 2
  end
end

-- Calls each(name, number) for the entries of a dictionary of numbers.
local function read_dictionary(fn, path, s, each)
  local function damaged(at) raise("%s: %s: damaged near byte %d", fn, path, at) end
  local at = s:match("^%s*{%s*()") or damaged(1)
  if s:find("^}%s*$", at) then return end
  while true do
    local last = s:sub(at, at) == '"' and string_end(s, at + 1)
    local name = last and unescape(s:sub(at + 1, last - 1))
    if not name then damaged(at) end
    local number, mark, behind = s:match("^%s*:%s*(%d+)%s*([,}])%s*()", last + 1)
    if not number then damaged(last + 1) end
    each(name, math.tointeger(number) or damaged(last + 1))
    at = behind
    if mark == "}" then break end
  end
  if at <= #s then damaged(at) end
end

-- The tokens in order, and their numbers from 1.
function files.readVocab(fn, path)
  local ids, tokens, count = {}, {}, 0
  read_dictionary(fn, path, read_all(fn, path), function(name, number)
    local token, id = to_bytes(name) or name, number + 1
    if ids[token] or tokens[id] then raise("%s: %s: '%s' or its number is there twice", fn, path, name) end
    if token == "" then raise("%s: %s: an empty token", fn, path) end
    ids[token], tokens[id], count = id, token, count + 1
  end)
  if #tokens ~= count then raise("%s: %s: the numbers have a gap", fn, path) end
  for byte = 0, 255 do
    if not ids[string.char(byte)] then raise("%s: %s: byte %d has no token", fn, path, byte) end
  end
  return tokens, ids
end

-- ---- merges.txt ---------------------------------------------------------------------------------

-- The merges as rows of numbers {first, second, made}, and a set of the tokens made.
function files.readMerges(fn, path, ids)
  local rows, made, number = {}, {}, 0
  for line in (read_all(fn, path) .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    if line ~= "" and not (number == 1 and line:find("^#version")) then
      local first, second = line:match("^(%S+) (%S+)$")
      local a, b = to_bytes(first or "\n"), to_bytes(second or "\n")
      if not a or not b then raise("%s: %s:%d: no pair of tokens", fn, path, number) end
      local row = { ids[a] or false, ids[b] or false, ids[a .. b] or false }
      if not (row[1] and row[2] and row[3]) then
        raise("%s: %s:%d: '%s %s' is or makes a token without a number", fn, path, number, first, second)
      end
      rows[#rows + 1], made[a .. b] = row, true
    end
  end
  return rows, made
end

-- ---- writing ------------------------------------------------------------------------------------

local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(c)
    return (c == '"' or c == "\\") and "\\" .. c or ("\\u%04x"):format(c:byte())
  end) .. '"'
end

function files.write(fn, vocab, merges, tokenizer)
  local special, entries, lines = {}, {}, { "#version: 0.2" }
  for _, token in ipairs(tokenizer.special) do special[token] = true end
  local tokens = tokenizer.vocabulary.tokens
  for i, token in ipairs(tokens) do
    entries[i] = quoted(special[token] and token or to_text(token)) .. ": " .. i - 1
  end
  for _, row in ipairs(tokenizer.merges:totable()) do
    lines[#lines + 1] = to_text(tokens[row[1]]) .. " " .. to_text(tokens[row[2]])
  end
  save.whole(fn, vocab, function(stream) save.put(stream, "{" .. table.concat(entries, ", ") .. "}\n") end)
  save.whole(fn, merges, function(stream) save.put(stream, table.concat(lines, "\n") .. "\n") end)
end

return files
