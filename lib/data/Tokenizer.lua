-- Tokenizer: what the tokenizers share: special tokens, texts from anywhere, batches.
--
-- A class below gives _count(text), which counts for training, _learn(options), which makes the
-- vocabulary of what was counted, _append(ids, text), which adds a text's numbers to a list, and may
-- give _join(tokens).

local torch = require "torch"
local raise = require("torch.caller").raise
local Vocabulary = require("data.Vocabulary").Vocabulary
local samples = require "data.samples"

local data = {}

local Tokenizer = torch.class("data.Tokenizer", data)

--- data.Tokenizer([options])
--
-- What data.CharTokenizer, data.WordTokenizer and data.BPETokenizer inherit from: their methods are here.
-- torch.save keeps a tokenizer, torch.load gives it back.
--
-- options: special, unknown and padding, as for data.CharTokenizer
-- Example:
--   torch.save("words.t7", data.WordTokenizer():train("a b"))
--   torch.isTypeOf(torch.load("words.t7"), data.Tokenizer) --> true

-- The special tokens in their order: padding, the unknown, then the others.
function Tokenizer:__init(options, more)
  local fn = torch.type(self)
  local known = { special = true, unknown = true, padding = true }
  for name in pairs(more or {}) do known[name] = true end
  options = samples.options(fn, options, known)
  self.unknown, self.padding, self.special = options.unknown, options.padding, {}
  local seen = {}
  local function add(token)
    if type(token) ~= "string" or token == "" then raise("%s: a special token is a string", fn) end
    if not seen[token] then self.special[#self.special + 1], seen[token] = token, true end
  end
  if self.padding ~= nil then add(self.padding) end
  if self.unknown ~= nil then add(self.unknown) end
  for _, token in ipairs(options.special or {}) do add(token) end
  return options
end

-- Calls text(s) for what stands between special tokens, and special(token) for them.  Of two that begin at
-- one place the longer counts.
function Tokenizer:_split(s, text, special)
  local places, from = {}, 1
  while true do
    local first, last, found
    for i, token in ipairs(self.special) do
      if places[i] == nil or places[i] and places[i] < from then
        places[i] = s:find(token, from, true) or false
      end
      local at = places[i]
      if at and (not first or at < first or at == first and #token > #found) then
        first, last, found = at, at + #token - 1, token
      end
    end
    if not first then break end
    if first > from then text(s:sub(from, first - 1)) end
    special(found)
    from = last + 1
  end
  if from <= #s then text(from == 1 and s or s:sub(from)) end
end

-- ---- training -----------------------------------------------------------------------------------

-- An iterator over texts.
local function texts_of(fn, source)
  if type(source) == "string" then
    local given = false
    return function()
      if not given then
        given = true
        return source
      end
    end
  elseif type(source) == "function" then
    return source
  elseif type(source) == "table" then
    local i, n = 0, source.get and source:size() or #source
    return function()
      i = i + 1
      if i <= n then return source.get and source:get(i) or source[i] end
    end
  end
  raise("%s: a text, a list of texts or a function that gives them expected, got %s", fn,
    torch.type(source))
end

--- tokenizer:train(source [, options])
--
-- Learns the vocabulary from texts.  The same texts give the same vocabulary, whatever the machine.  The
-- special tokens come first in it; where they stand in the texts they are passed over.
--
-- source: a text; a list of texts; a function that gives one after another and then nil; a data set whose
--   samples are texts
-- options: a table, all its fields optional but a BPETokenizer's vocabSize:
--   vocabSize: how many tokens there are in the end, at most
--   minFrequency: how often a token, or a pair to be merged, must have been seen; 1, a BPETokenizer's 2
-- Returns: the tokenizer
-- Errors: a source of another kind; there is not place for the tokens that must be there
-- Example:
--   tokenizer = data.WordTokenizer({ unknown = "<unk>" }):train("the cat and the dog", { vocabSize = 3 })
--   tokenizer:decode(tokenizer:encode("the bird")) --> the <unk>
function Tokenizer:train(source, options)
  local fn = torch.type(self) .. ":train"
  options = samples.options(fn, options, { vocabSize = true, minFrequency = true })
  for _, name in ipairs { "vocabSize", "minFrequency" } do
    if options[name] ~= nil then samples.whole(fn, name, options[name], nil, 1) end
  end
  self:_begin(options)
  for text in texts_of(fn, source) do
    if type(text) ~= "string" then raise("%s: a text expected, got %s", fn, torch.type(text)) end
    self:_split(text, function(part) self:_count(part) end, function() end)
  end
  self:_learn(options)
  return self
end

local BLOCK = 1 << 20

-- The texts of a file in parts that are cut before white space, where it makes no difference.
local function parts_of(fn, path)
  local file, message = io.open(path, "rb")
  if not file then raise("%s: %s", fn, message) end
  local rest = ""
  return function()
    while file do
      local block, why = file:read(BLOCK)
      if not block then
        file:close()
        file = nil
        if why then raise("%s: %s: %s", fn, path, why) end
        return rest ~= "" and rest or nil
      end
      rest = rest .. block
      local cut = rest:match("^.*[%w%p]()[ \n]")
      if cut then
        block, rest = rest:sub(1, cut - 1), rest:sub(cut)
        return block
      end
    end
  end
end

--- tokenizer:trainFiles(paths [, options])
--
-- Learns the vocabulary from files, which are read in parts.
--
-- paths: a file's name, or a list of names
-- options: as for tokenizer:train
-- Returns: the tokenizer
-- Errors: a file cannot be read
-- Example:
--   io.open("a.txt", "w"):write("to be or not to be"):close()
--   data.CharTokenizer():trainFiles("a.txt"):size() --> 7
function Tokenizer:trainFiles(paths, options)
  local fn = torch.type(self) .. ":trainFiles"
  if type(paths) == "string" then paths = { paths } end
  if type(paths) ~= "table" then raise("%s: names of files expected, got %s", fn, torch.type(paths)) end
  local i, parts = 0, nil
  local function next_text()
    while true do
      local text = parts and parts()
      if text then return text end
      i = i + 1
      if not paths[i] then return nil end
      parts = parts_of(fn, paths[i])
    end
  end
  return self:train(next_text, options)
end

-- ---- numbers ------------------------------------------------------------------------------------

local function check_trained(self, fn)
  if not self.vocabulary then raise("%s:%s: it has no vocabulary yet; train it", torch.type(self), fn) end
end

local function check_text(self, fn, text)
  check_trained(self, fn)
  if type(text) ~= "string" then
    raise("%s:%s: a text expected, got %s", torch.type(self), fn, torch.type(text))
  end
end

-- The numbers as a list, or as a tensor where that comes first.
function Tokenizer:_ids(text)
  local ids = {}
  self:_split(text, function(part) self:_append(ids, part) end,
    function(token) ids[#ids + 1] = self.vocabulary.ids[token] end)
  return ids
end

--- tokenizer:encode(text [, form])
--
-- A text's tokens as numbers from 1.  Special tokens in the text are kept whole.
--
-- text: string
-- form: "table" for a list in place of a tensor
-- Returns: a LongTensor of one dimension, or a list
-- Errors: the text has a token that is not in the vocabulary, and there is no unknown one
-- Example:
--   tokenizer = data.CharTokenizer():train("abc")
--   table.concat(tokenizer:encode("cab", "table"), " ") --> 3 1 2
function Tokenizer:encode(text, form)
  check_text(self, "encode", text)
  if form ~= nil and form ~= "table" then
    raise("%s:encode: the form is \"table\" or left out", torch.type(self))
  end
  local ids = self:_ids(text)
  if form then return torch.isTensor(ids) and ids:totable() or ids end
  return torch.isTensor(ids) and ids or torch.LongTensor(ids)
end

function Tokenizer:_join(tokens)
  return table.concat(tokens)
end

--- tokenizer:decode(ids [, options])
--
-- The text of tokens.
--
-- ids: a tensor of integers, a list, or one number
-- options: {special = false} leaves special tokens out
-- Returns: a string
-- Errors: a number is outside the vocabulary
-- Example:
--   tokenizer = data.CharTokenizer({ padding = "_" }):train("abc")
--   tokenizer:decode { 2, 3, 1 }, tokenizer:decode({ 2, 3, 1 }, { special = false }) --> ab_ ab
function Tokenizer:decode(ids, options)
  check_trained(self, "decode")
  options = samples.options(torch.type(self) .. ":decode", options, { special = true })
  if type(ids) == "number" then ids = { ids } end
  if type(ids) ~= "table" and not torch.isTensor(ids) then
    raise("%s:decode: numbers expected, got %s", torch.type(self), torch.type(ids))
  end
  local tokens = self.vocabulary:decode(ids)
  if options.special == false then
    local special, kept = {}, {}
    for _, token in ipairs(self.special) do special[token] = true end
    for _, token in ipairs(tokens) do
      if not special[token] then kept[#kept + 1] = token end
    end
    tokens = kept
  end
  return self:_join(tokens)
end

--- tokenizer:encodeBatch(texts [, options])
--
-- Several texts as the rows of a matrix, the shorter ones padded.
--
-- texts: a list of strings
-- options: a table, all its fields optional:
--   length: the number of columns; longer texts are cut.  By default the longest text's
--   side: "right" or "left", where padding goes and where a text is cut
--   padding: the number to pad with; by default that of the padding token
-- Returns: a LongTensor, a row a text; a LongTensor of how many tokens of each text are in it
-- Errors: padding is needed, and there is neither a padding token nor the option
-- Example:
--   tokenizer = data.CharTokenizer({ padding = "_" }):train("abc")
--   ids, lengths = tokenizer:encodeBatch { "ab", "c" }
--   tokenizer:decode(ids[2]), lengths[1] --> c_ 2
function Tokenizer:encodeBatch(texts, options)
  local fn = torch.type(self) .. ":encodeBatch"
  if type(texts) ~= "table" then raise("%s: a list of texts expected, got %s", fn, torch.type(texts)) end
  options = samples.options(fn, options, { length = true, side = true, padding = true })
  local left = options.side == "left"
  if not left and options.side ~= nil and options.side ~= "right" then
    raise("%s: side is \"right\" or \"left\"", fn)
  end
  local rows, width = {}, 0
  for i, text in ipairs(texts) do
    rows[i] = self:encode(text)
    width = math.max(width, rows[i]:nElement())
  end
  width = options.length or width
  if not math.tointeger(width) or width < 0 then raise("%s: length is a number of tokens", fn) end
  local padding = options.padding or (self.padding and self.vocabulary.ids[self.padding])
  local out = torch.LongTensor(#rows, width):fill(padding or 0)
  local lengths = torch.LongTensor(#rows)
  for i, row in ipairs(rows) do
    local all = row:nElement()
    local n = math.min(all, width)
    if n < width and not padding then raise("%s: no padding token; give one, or the option padding", fn) end
    lengths[i] = n
    if n > 0 then
      row = row:narrow(1, left and all - n + 1 or 1, n)
      out[i]:narrow(1, left and width - n + 1 or 1, n):copy(row)
    end
  end
  return out, lengths
end

--- tokenizer:size(); #tokenizer
--
-- How many tokens the vocabulary has.  tokenizer.vocabulary is the data.Vocabulary itself.
--
-- Returns: an integer
-- Example:
--   #data.CharTokenizer():train("hello") --> 4
function Tokenizer:size()
  check_trained(self, "size")
  return self.vocabulary:size()
end

Tokenizer.__len = Tokenizer.size

--- tokenizer:id(token); tokenizer:token(id)
--
-- A token's number; a number's token.
--
-- Returns: as vocabulary:id, vocabulary:token
-- Example:
--   tokenizer = data.CharTokenizer({ special = { "<eos>" } }):train("ab")
--   tokenizer:id("<eos>"), tokenizer:token(3) --> 1 b
function Tokenizer:id(token)
  check_trained(self, "id")
  return self.vocabulary:id(token)
end

function Tokenizer:token(id)
  check_trained(self, "token")
  return self.vocabulary:token(id)
end

-- The vocabulary of the special tokens and others.
function Tokenizer:_setTokens(others)
  local tokens, seen = {}, {}
  for _, list in ipairs { self.special, others } do
    for _, token in ipairs(list) do
      if not seen[token] then tokens[#tokens + 1], seen[token] = token, true end
    end
  end
  self.vocabulary = Vocabulary(tokens, self.unknown)
end

function Tokenizer:__tostring()
  return ("%s of %s tokens"):format(torch.type(self), self.vocabulary and #self.vocabulary or "no")
end

return data
