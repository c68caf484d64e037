-- WordTokenizer: a text's words are its tokens.

local torch = require "torch"
local raise = require("torch.caller").raise
local text = require "data._text"
local mostFrequent = require("data.Vocabulary").mostFrequent
require "data.Tokenizer"

local data = {}

local WordTokenizer, parent = torch.class("data.WordTokenizer", "data.Tokenizer", data)

local splits = { words = text.words, spaces = text.fields }

--- data.WordTokenizer([options])
--
-- Tokens are words: letters, digits, marks and underscores, and apostrophes between letters.  Any other
-- character is a token of its own; white space only separates, so decode gives the words with one blank
-- between.  The vocabulary has the most frequent first, after the special tokens; words that are
-- equally frequent are in the order of bytes.
--
-- options: a table, all its fields optional:
--   special, unknown, padding: as for data.CharTokenizer
--   lower: true makes all letters small ones, of any alphabet
--   digits: true makes every digit of 0 to 9 a 0
--   split: "spaces" takes for a word whatever stands between white space; "words" by default
-- Example:
--   tokenizer = data.WordTokenizer({ lower = true }):train("The cat, the dog.")
--   tokenizer:token(1), #tokenizer, tokenizer:decode(tokenizer:encode("THE DOG")) --> the 5 the dog
function WordTokenizer:__init(options)
  options = parent.__init(self, options, { lower = true, digits = true, split = true })
  self.lower, self.digits, self.split = options.lower, options.digits, options.split or "words"
  if not splits[self.split] then raise("data.WordTokenizer: split is \"words\" or \"spaces\"") end
end

function WordTokenizer:_words(part)
  if self.lower then part = text.lower(part) end
  if self.digits then part = part:gsub("%d", "0") end
  return splits[self.split](part)
end

function WordTokenizer:_begin()
  self._counts = {}
end

function WordTokenizer:_count(part)
  local counts = self._counts
  for _, word in ipairs(self:_words(part)) do counts[word] = (counts[word] or 0) + 1 end
end

function WordTokenizer:_learn(options)
  for _, token in ipairs(self.special) do self._counts[token] = nil end
  local room = options.vocabSize and options.vocabSize - #self.special
  if room and room < 0 then raise("data.WordTokenizer: vocabSize is less than the special tokens") end
  local words = mostFrequent(self._counts, room, options.minFrequency)
  self._counts = nil
  self:_setTokens(words)
end

function WordTokenizer:_append(ids, part)
  local known, unknown, n = self.vocabulary.ids, self.vocabulary.ids[self.unknown], #ids
  for i, word in ipairs(self:_words(part)) do
    ids[n + i] = known[word] or unknown
      or raise("data.WordTokenizer: the word '%s' is not in the vocabulary", word)
  end
end

function WordTokenizer:_join(tokens)
  return table.concat(tokens, " ")
end

return data
