-- CharTokenizer: a text's characters are its tokens.

local torch = require "torch"
local raise = require("torch.caller").raise
local text = require "data._text"
local mostFrequent = require("data.Vocabulary").mostFrequent
require "data.Tokenizer"

local data = {}

local CharTokenizer, parent = torch.class("data.CharTokenizer", "data.Tokenizer", data)

--- data.CharTokenizer([options])
--
-- Tokens are characters in UTF-8; a byte that is no part of one is a token of its own, so no text is
-- changed by encode and decode.  The vocabulary has them in the order of bytes, after the special tokens.
--
-- options: a table, all its fields optional:
--   special: a list of strings that are tokens as a whole
--   unknown: a special token for characters that are not in the vocabulary
--   padding: a special token that encodeBatch fills up with
-- Example:
--   tokenizer = data.CharTokenizer({ unknown = "?" }):train("grün")
--   #tokenizer, tokenizer:decode(tokenizer:encode("grau")) --> 5 gr??
function CharTokenizer:__init(options)
  parent.__init(self, options)
end

function CharTokenizer:_begin()
  self._counts = {}
end

function CharTokenizer:_count(part)
  text.count(part, self._counts)
end

function CharTokenizer:_learn(options)
  local room = options.vocabSize and options.vocabSize - #self.special
  if room and room < 0 then raise("data.CharTokenizer: vocabSize is less than the special tokens") end
  local characters = mostFrequent(self._counts, room, options.minFrequency)
  self._counts = nil
  table.sort(characters)
  self:_setTokens(characters)
end

function CharTokenizer:_append(ids, part)
  local known = self.vocabulary.ids
  local ok, message = pcall(text.append, ids, part, known, known[self.unknown])
  if not ok then raise("%s", message) end
end

return data
