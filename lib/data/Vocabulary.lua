-- Vocabulary: tokens and their numbers.

local torch = require "torch"
local raise = require("torch.caller").raise

local data = {}

local Vocabulary = torch.class("data.Vocabulary", data)

--- data.Vocabulary(tokens [, unknown])
--
-- Tokens with numbers from 1, in the order of the list.
--
-- tokens: a list of different strings
-- unknown: the token whose number stands for all that are not in the list
-- Errors: a token is in the list twice; unknown is not in it
-- Example:
--   vocabulary = data.Vocabulary({ "<unk>", "the", "cat" }, "<unk>")
--   vocabulary:id("cat"), vocabulary:id("dog"), vocabulary:token(2), #vocabulary --> 3 1 the 3
function Vocabulary:__init(tokens, unknown)
  if type(tokens) ~= "table" then
    raise("data.Vocabulary: a list of tokens expected, got %s", torch.type(tokens))
  end
  self.tokens, self.ids, self.unknown = {}, {}, unknown
  for i, token in ipairs(tokens) do
    if type(token) ~= "string" then
      raise("data.Vocabulary: token %d is a %s, no string", i, torch.type(token))
    end
    if self.ids[token] then raise("data.Vocabulary: the token '%s' is there twice", token) end
    self.tokens[i], self.ids[token] = token, i
  end
  if unknown ~= nil and not self.ids[unknown] then
    raise("data.Vocabulary: the unknown token '%s' is not in the list", tostring(unknown))
  end
end

--- vocabulary:size(); #vocabulary
--
-- How many tokens there are.
--
-- Returns: an integer
-- Example:
--   data.Vocabulary({ "a", "b" }):size() --> 2
function Vocabulary:size()
  return #self.tokens
end

Vocabulary.__len = Vocabulary.size

--- vocabulary:id(token); vocabulary:token(id)
--
-- A token's number; a number's token.
--
-- token: string
-- id: integer
-- Returns: id: the number, the unknown token's for one that is not there, nil if there is none; token: a
--   string, or nil
-- Example:
--   vocabulary = data.Vocabulary { "a", "b" }
--   vocabulary:id("b"), vocabulary:token(1), vocabulary:id("c") --> 2 a nil
function Vocabulary:id(token)
  return self.ids[token] or self.ids[self.unknown]
end

function Vocabulary:token(id)
  return self.tokens[id]
end

--- vocabulary:encode(tokens); vocabulary:decode(ids)
--
-- The numbers of tokens, and back.
--
-- tokens: a list of strings
-- ids: a tensor of integers, or a list
-- Returns: encode: a LongTensor; decode: a list of strings
-- Errors: a token is not there, and there is no unknown one; a number is outside the vocabulary
-- Example:
--   vocabulary = data.Vocabulary { "a", "b" }
--   table.concat(vocabulary:decode(vocabulary:encode { "b", "a" }), " ") --> b a
function Vocabulary:encode(tokens)
  local ids = {}
  for i, token in ipairs(tokens) do
    ids[i] = self:id(token)
    if not ids[i] then raise("data.Vocabulary: '%s' is not in the vocabulary", tostring(token)) end
  end
  return torch.LongTensor(ids)
end

function Vocabulary:decode(ids)
  local list = torch.isTensor(ids) and ids:contiguous():view(-1):totable() or ids
  local tokens = {}
  for i, id in ipairs(list) do
    tokens[i] = self.tokens[id]
    if not tokens[i] then
      raise("data.Vocabulary: token %s of a vocabulary of %d", tostring(id), #self.tokens)
    end
  end
  return tokens
end

function Vocabulary:__tostring()
  return ("data.Vocabulary of %d tokens"):format(#self.tokens)
end

--- data.mostFrequent(counts [, limit [, least]])
--
-- The tokens that were counted most often, the most frequent first; of equally frequent ones the one that
-- comes first in the order of bytes.
--
-- counts: table of how often, by token
-- limit: integer: how many at most
-- least: integer: how often a token was counted at least; 1 by default
-- Returns: a list of strings
-- Example:
--   table.concat(data.mostFrequent({ b = 2, a = 2, c = 5, d = 1 }, 3), " ") --> c a b
function data.mostFrequent(counts, limit, least)
  local list = {}
  for token, count in pairs(counts) do
    if count >= (least or 1) then list[#list + 1] = token end
  end
  table.sort(list, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  for i = #list, (limit or #list) + 1, -1 do list[i] = nil end
  return list
end

return data
