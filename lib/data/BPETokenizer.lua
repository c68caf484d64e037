-- BPETokenizer: byte-pair encoding, byte by byte.

local torch = require "torch"
local raise = require("torch.caller").raise
local bpe = require "data._bpe"
local files = require "data.bpe_files"
local Tokenizer = require("data.Tokenizer").Tokenizer

local data = {}

local BPETokenizer, parent = torch.class("data.BPETokenizer", "data.Tokenizer", data)

--- data.BPETokenizer([options])
--
-- Byte-pair encoding.  A text is cut into pieces by GPT-2's rule: the English endings 's 't 're 've 'm 'll
-- 'd; runs of letters, of numbers, or of other characters, with one blank before them; white space.
-- Within a piece the pairs of tokens are merged that were most frequent in training.  Every byte is a
-- token, so encode knows every text and decode gives it back to the byte.
--
-- In training the most frequent pair is merged first; of equally frequent ones the one whose first
-- number is less, then whose second is.  The vocabulary: special tokens; the 256 bytes in GPT-2's order
-- (the printable ones first); what was merged, in order.
--
-- options: a table, all its fields optional:
--   special: a list of strings that are tokens as a whole
--   padding: a special token that encodeBatch fills up with
-- From: Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units", 2016;
--   Radford et al., "Language models are unsupervised multitask learners", 2019 (GPT-2)
-- Example:
--   tokenizer = data.BPETokenizer():train(("low lower lowest "):rep(9), { vocabSize = 260 })
--   #tokenizer, tokenizer:encode("low"):nElement() --> 260 1
--   tokenizer:decode(tokenizer:encode("naïve \xff\n")) == "naïve \xff\n" --> true
function BPETokenizer:__init(options)
  parent.__init(self, options)
  if self.unknown ~= nil then raise("data.BPETokenizer: it knows every text and needs no unknown token") end
end

local counters = setmetatable({}, { __mode = "k" })
local engines = setmetatable({}, { __mode = "k" }) -- made when first needed, not saved

function BPETokenizer:_begin(options)
  local least = #self.special + 256
  if not options.vocabSize or options.vocabSize < least then
    raise("data.BPETokenizer:train: vocabSize is at least %d, for the bytes and special tokens, got %s",
      least, tostring(options.vocabSize))
  end
  counters[self] = bpe.counter()
end

function BPETokenizer:_count(part)
  bpe.add(counters[self], part)
end

-- The numbers of the 256 bytes in a vocabulary.
local function base_of(ids)
  local base = {}
  for byte = 0, 255 do base[byte + 1] = ids[string.char(byte)] end
  return base
end

function BPETokenizer:_learn(options)
  local special = #self.special
  local base, tokens = {}, {}
  for i, token in ipairs(self.special) do
    if #token == 1 then raise("data.BPETokenizer: '%s' is a byte and cannot be special", token) end
    tokens[i] = token
  end
  for i, byte in ipairs(files.byteOrder) do
    base[byte + 1], tokens[special + i] = special + i, string.char(byte)
  end
  local counter = counters[self]
  counters[self] = nil
  self.merges = bpe.train(counter, base, #tokens, options.vocabSize, options.minFrequency or 2)
  for _, row in ipairs(self.merges:totable()) do tokens[row[3]] = tokens[row[1]] .. tokens[row[2]] end
  self:_setTokens(tokens)
  engines[self] = nil
end

local function engine_of(self)
  if not engines[self] then
    engines[self] = bpe.engine(base_of(self.vocabulary.ids), self.merges:contiguous(), #self.vocabulary)
  end
  return engines[self]
end

function BPETokenizer:_append(ids, part)
  local more = bpe.encode(engine_of(self), part):totable()
  table.move(more, 1, #more, #ids + 1, ids)
end

function BPETokenizer:_ids(text)
  for _, token in ipairs(self.special) do
    if text:find(token, 1, true) then return Tokenizer._ids(self, text) end
  end
  return bpe.encode(engine_of(self), text)
end

--- tokenizer:loadFiles(vocab, merges)
--
-- Takes over a BPETokenizer's vocabulary from the files that GPT-2's is published as.  Numbers are one more
-- than in the file.  Tokens that are neither a byte nor made by a merge become special ones, like GPT-2's
-- <|endoftext|>.
--
-- vocab: name of the file, often vocab.json, that has each token's number
-- merges: name of the file, often merges.txt, that has the pairs in order
-- Returns: the tokenizer
-- Errors: a file cannot be read or is damaged; a byte, or the token that a merge makes, has no number
-- From: GPT-2
-- Example:
--   a = data.BPETokenizer():train(("to be or not to be "):rep(5), { vocabSize = 262 })
--   a:saveFiles("vocab.json", "merges.txt")
--   b = data.BPETokenizer():loadFiles("vocab.json", "merges.txt")
--   b:encode("to be"):equal(a:encode("to be")) --> true
function BPETokenizer:loadFiles(vocab, merges)
  local fn = "data.BPETokenizer:loadFiles"
  local tokens, ids = files.readVocab(fn, vocab)
  local rows, made = files.readMerges(fn, merges, ids)
  local special = {}
  for _, token in ipairs(self.special) do
    if not ids[token] then
      tokens[#tokens + 1] = token
      ids[token] = #tokens
    end
  end
  for _, token in ipairs(tokens) do
    if #token > 1 and not made[token] then special[#special + 1] = token end
  end
  self.special = {}
  self:_setTokens(tokens)
  self.special = special
  self.merges = #rows > 0 and torch.LongTensor(rows) or torch.LongTensor(0, 3)
  engines[self] = nil
  return self
end

--- tokenizer:saveFiles(vocab, merges)
--
-- Writes a BPETokenizer's vocabulary as GPT-2's is published, for other programs.
--
-- vocab, merges: names of the files
-- Errors: a file cannot be written
-- From: GPT-2
-- Example:
--   data.BPETokenizer():train("aaaa", { vocabSize = 257 }):saveFiles("vocab.json", "merges.txt")
--   paths.filep("merges.txt") --> true
function BPETokenizer:saveFiles(vocab, merges)
  self:size()
  files.write("data.BPETokenizer:saveFiles", vocab, merges, self)
end

return data
