-- collate: samples put together to a batch.

local torch = require "torch"
local stack = require "data._stack"
local check = require "data.check"
local keys_of = require("torch.tree").keys
local raise = check.raise

local data = {}

-- "field 1.tokens", or nothing for the sample itself.
local function where(path)
  return path == "" and "" or " field " .. path
end

local function longer(path, key)
  local text = tostring(key)
  return path == "" and text or path .. "." .. text
end

-- What is to be put together: a plain table is looked into, objects are not.
local function kind_of(value)
  local kind = type(value)
  if kind == "table" then return torch.typename(value) and "object" or "table" end
  if kind == "userdata" and torch.isTensor(value) then return "tensor" end
  return kind
end

-- Raised for sample i of the batch, as it came from the data set.
local function misfit(path, i, why, advice)
  raise("data.collate: sample %d of the batch:%s %s%s", i, where(path), why, advice or "")
end

local PADDING = "; data.pad makes samples of different lengths fit"

local join

local function join_tables(list, path)
  local first = list[1]
  local keys, out = keys_of(first), {}
  for i = 2, #list do
    if kind_of(list[i]) ~= "table" then
      misfit(path, i, ("is a %s, the first is a table"):format(torch.type(list[i])))
    end
    for key in pairs(list[i]) do
      if first[key] == nil then
        misfit(longer(path, key), i, "is there, in the first it is not", PADDING)
      end
    end
  end
  for _, key in ipairs(keys) do
    local column, inner = {}, longer(path, key)
    for i = 1, #list do
      local value = list[i][key]
      if value == nil then misfit(inner, i, "is missing") end
      column[i] = value
    end
    out[key] = join(column, inner)
  end
  return out
end

local function by(f, advice)
  return function(list, path)
    local out, i, why = f(list)
    return out or misfit(path, i, why, advice)
  end
end

local joins = {
  tensor = by(stack.tensors, PADDING), number = by(stack.numbers), boolean = by(stack.flags),
  table = join_tables,
}

function join(list, path)
  local how = joins[kind_of(list[1])]
  if how then return how(list, path) end
  return list
end

--- data.collate(samples)
--
-- Puts samples together to a batch of the same structure, as a DataLoader does.  Tensors are stacked along
-- a new first dimension; whole numbers become a LongTensor, others a tensor of the default type, booleans a
-- BoolTensor; of strings and objects there is a list.  Tables, also within tables, are put together field by
-- field.
--
-- samples: a list of at least one sample
-- Returns: the batch
-- Errors: a field is missing in a sample, or has another shape or type than in the first one; the message
--   names the sample's number in the batch and the field
-- From: PyTorch's default_collate
-- Example:
--   batch = data.collate { { torch.zeros(3), 1 }, { torch.ones(3), 2 } }
--   batch[1]:size(1), batch[1]:sum(), batch[2]:sum() --> 2 3.0 3
function data.collate(samples)
  if type(samples) ~= "table" or samples[1] == nil then
    raise("data.collate: %s, wanted a list of samples",
      type(samples) == "table" and "an empty table" or "a " .. torch.type(samples))
  end
  return join(samples, "")
end

-- ---- padding ---------------------------------------------------------------------------------------------

-- Lists of numbers count as vectors.
local function as_tensor(value)
  if kind_of(value) ~= "table" then return value end
  for i = 1, #value do
    if math.type(value[i]) ~= "integer" then return torch.Tensor(value) end
  end
  return torch.LongTensor(value)
end

-- The fields of a sample that are padded: those that were asked for, otherwise all that have a length.
local function padded_fields(sample, fields)
  if fields then return fields end
  local found = {}
  for _, key in ipairs(keys_of(sample)) do
    local kind = kind_of(sample[key])
    if kind == "table" or kind == "tensor" and #sample[key].shape > 0 then found[#found + 1] = key end
  end
  return found
end

-- The tensors of one field, and how long each is along dimension dim.
local function read_column(samples, key, dim)
  local column, lengths = {}, {}
  for i, sample in ipairs(samples) do
    local x = as_tensor(sample[key])
    if not torch.isTensor(x) then
      misfit(tostring(key), i, x == nil and "is missing"
        or ("is a %s; only tensors and lists of numbers can be padded"):format(torch.type(x)))
    end
    if #x.shape < dim then
      misfit(tostring(key), i, ("has %d dimensions, dimension %d is to be padded"):format(#x.shape, dim))
    end
    column[i], lengths[i] = x, x.shape[dim]
  end
  return column, lengths
end

-- One tensor of the column, shorter ones filled up to `longest`.
local function pad_column(column, lengths, key, dim, longest, value)
  local first = column[1]
  local shape = { #column, table.unpack(first.shape) }
  shape[dim + 1] = longest
  local out = torch.full(shape, value, first:type())
  for i, x in ipairs(column) do
    if x.dtype ~= first.dtype then
      misfit(tostring(key), i, ("is of type %s, the first of %s"):format(x.dtype, first.dtype))
    end
    for d = 1, math.max(#x.shape, #first.shape) do
      if d ~= dim and x.shape[d] ~= first.shape[d] then
        misfit(tostring(key), i, ("is of shape %s, the first of %s; only dimension %d is padded"):format(
          table.concat(x.shape, "x"), table.concat(first.shape, "x"), dim))
      end
    end
    if lengths[i] > 0 then out:select(1, i):narrow(dim, 1, lengths[i]):copy(x:detach()) end
  end
  return out
end

local function longest_of(lengths, multiple)
  local longest = math.max(table.unpack(lengths))
  return (longest + multiple - 1) // multiple * multiple
end

-- True where a row has an element, false where it was padded.
local function mask_of(lengths, longest)
  local mask = torch.BoolTensor(#lengths, longest):zero()
  for i, n in ipairs(lengths) do
    if n > 0 then mask:select(1, i):narrow(1, 1, n):fill(1) end
  end
  return mask
end

local pad_defaults = { fields = check.NONE, value = 0, dim = 1, lengths = true, mask = false, multiple = 1 }

local function check_padding(options)
  local fn, fields = "data.pad", options.fields
  if fields ~= nil and (type(fields) ~= "table" or #fields == 0) then
    raise("%s: the fields are %s, wanted a list such as { 1 } or { 'input' }", fn, tostring(fields))
  end
  for _, v in pairs(type(options.value) == "table" and options.value or { options.value }) do
    if type(v) ~= "number" then raise("%s: the value is %s, wanted a number", fn, tostring(v)) end
  end
  options.dim = check.whole(fn, "the dimension", options.dim, 1)
  options.multiple = check.whole(fn, "multiple", options.multiple, 1)
  check.flag(fn, "lengths", options.lengths)
  check.flag(fn, "mask", options.mask)
  return options
end

-- The samples without the padded fields.
local function others_of(samples, fields)
  local padded, rest = {}, {}
  for _, key in ipairs(fields) do padded[key] = true end
  for i, sample in ipairs(samples) do
    rest[i] = {}
    for key, value in pairs(sample) do
      if not padded[key] then rest[i][key] = value end
    end
  end
  return rest
end

local function value_for(value, key)
  if type(value) ~= "table" then return value end
  return value[key] or 0
end

-- The batch of samples that are tables.
local function pad_tables(samples, options)
  for i, sample in ipairs(samples) do
    if kind_of(sample) ~= "table" then
      misfit("", i, (" is a %s, the first is a table"):format(torch.type(sample)))
    end
  end
  local fields = padded_fields(samples[1], options.fields)
  local batch = join(others_of(samples, fields), "")
  local all_lengths, masks = {}, {}
  for _, key in ipairs(fields) do
    local column, lengths = read_column(samples, key, options.dim)
    local longest = longest_of(lengths, options.multiple)
    batch[key] = pad_column(column, lengths, key, options.dim, longest, value_for(options.value, key))
    all_lengths[key] = torch.LongTensor(lengths)
    if options.mask then masks[key] = mask_of(lengths, longest) end
  end
  if options.lengths then batch.lengths = all_lengths end
  if options.mask then batch.mask = masks end
  return batch
end

--- data.pad([options])
--
-- Makes a function that puts samples of different lengths together, for the option `collate` of a DataLoader:
-- shorter ones are filled up at their end.  In the batch, `lengths` has a LongTensor for each padded field,
-- by the field's name: how long each sample was.  `mask` likewise has BoolTensors of batch x length, true
-- where there is data.  A sample that is a tensor counts as { tensor }.
--
-- options: a table, all its fields optional:
--   fields: the list of fields to pad; by default all tensors of at least one dimension and all lists
--   value: what to fill with, 0 by default; or a table of numbers by field
--   dim: which dimension of a sample is padded; 1 by default
--   lengths: false leaves the lengths out
--   mask: true adds the masks
--   multiple: the length of a batch is a multiple of this number
-- Returns: a function of a list of samples
-- Errors: samples differ in another dimension, in their type or in their fields
-- From: PyTorch's pad_sequence
-- Example:
--   collate = data.pad { value = -1 }
--   batch = collate { { { 5, 6, 7 }, 1 }, { { 8 }, 2 } }
--   batch[1]:size(2), batch[1]:sum(), batch.lengths[1][2] --> 3 24 1
function data.pad(options)
  options = check_padding(check.options("data.pad", options, pad_defaults))
  return function(samples)
    if kind_of(samples[1]) == "table" then return pad_tables(samples, options) end
    local wrapped = {}
    for i, sample in ipairs(samples) do wrapped[i] = { sample } end
    return pad_tables(wrapped, options)
  end
end

return data
