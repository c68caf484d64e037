-- TextDataset: windows of a text, for language models.

local torch = require "torch"
local samples = require "data.samples"
require "data.Dataset"
local raise = require("torch.caller").raise

local data = {}

local TextDataset = torch.class("data.TextDataset", "data.Dataset", data)

local function tokens_of(fn, what, tokenizer)
  if type(what) == "string" then
    if not tokenizer then raise("%s: a text needs the option tokenizer", fn) end
    return tokenizer:encode(what)
  end
  if not torch.isTensor(what) or what:dim() ~= 1 or what.dtype:find("float") or what.dtype == "bool" then
    raise("%s: a text, or a tensor of whole numbers in one dimension, expected, got %s", fn,
      torch.isTensor(what) and ("%s of %d dimensions"):format(what:type(), what:dim()) or torch.type(what))
  end
  return what
end

--- data.TextDataset(what, options)
--
-- Windows of a text: sample i is { input, target }, `length` tokens each, of which the target's come one
-- later.  A tensor's windows are parts of it, so one that is mapped from a file may be larger than memory.
--
-- what: a text, or a tensor of tokens
-- options: a table:
--   length: how many tokens a window has
--   stride: by how many tokens the next window begins later; by default length: windows do not overlap
--   tokenizer: what makes tokens of a text
-- Errors: what is something else; options are missing
-- Example:
--   set = data.TextDataset("hello", { length = 2, tokenizer = data.CharTokenizer():train("helo") })
--   set:size(), set:get(1)[1][1], set:get(1)[2][1] --> 2 2 1
function TextDataset:__init(what, options)
  local fn = "data.TextDataset"
  options = samples.options(fn, options, { length = true, stride = true, tokenizer = true })
  self.length = samples.whole(fn, "length", options.length, nil, 1)
  self.stride = samples.whole(fn, "stride", options.stride, self.length, 1)
  self.tokens = tokens_of(fn, what, options.tokenizer)
end

--- data.TextDataset:size(); data.TextDataset:get(i)
--
-- How many windows there are; the i-th.
--
-- i: 1 to size()
-- Returns: get: a table { input, target } of LongTensors
-- Errors: i lies outside
-- Example:
--   set = data.TextDataset(torch.range(1, 7):long(), { length = 3 })
--   set:size(), set:get(2)[2][1] --> 2 5

-- A window has a token behind it.
function TextDataset:size()
  local spare = self.tokens:nElement() - 1 - self.length
  return spare < 0 and 0 or spare // self.stride + 1
end

function TextDataset:get(i)
  local from = (samples.place(self, i) - 1) * self.stride + 1
  local window = self.tokens:narrow(1, from, self.length + 1):long()
  return { window:narrow(1, 1, self.length), window:narrow(1, 2, self.length) }
end

return data
