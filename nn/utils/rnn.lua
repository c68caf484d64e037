-- rnn.lua: sequences of several lengths: padded to one length, or packed, step after step without gaps.

return function(nn, torch)
  local rnn = {}
  nn.utils.rnn = rnn
  local check = require "torch.check"
  local fill_options = require("torch.options").fill
  local raise = check.raise

  -- ---- lengths, which are in host memory -----------------------------------------------------------

  local function as_lengths(fn, lengths)
    if type(lengths) == "table" then lengths = torch.LongTensor(lengths) end
    if not torch.isTensor(lengths) or lengths:dim() ~= 1 or lengths:nElement() == 0 then
      raise("%s: the lengths are %s, wanted a list of numbers or a vector", fn, nn.tape.describe(lengths))
    end
    lengths = lengths:cpu():long()
    if lengths:min() < 1 then raise("%s: a length is %d, wanted at least 1", fn, lengths:min()) end
    return lengths
  end

  -- Which of steps x batch places belong to a sequence.
  local function inside(lengths, steps)
    local t = check.beside(lengths, torch.range(1, steps):to("int64")):view(steps, 1)
    return torch.le(t, lengths:view(1, lengths:nElement()))
  end

  -- The places that are inside, row by row.
  local function places(mask, like)
    local found = mask:contiguous():view(-1):nonzero():view(-1)
    return like.device == found.device and found or found:to(like.device)
  end

  -- Steps x batch x .. as rows x .., and back.
  local function rows_of(x)
    return x:reshape(x:size(1) * x:size(2), table.unpack(x.shape, 3))
  end

  local function descends(lengths)
    for i = 2, lengths:nElement() do
      if lengths[i] > lengths[i - 1] then return false end
    end
    return true
  end

  local function inverse(order)
    local _, back = torch.sort(order, 1)
    return back
  end

  local function is_list(list)
    return type(list) == "table" and #list > 0 and torch.isTensor(list[1])
  end

  -- ---- packing ------------------------------------------------------------------------------------

  --- nn.utils.rnn.packPaddedSequence(x, lengths [, options])
  --
  -- Packs sequences of several lengths, which lie padded in x: first the first steps of all, longest sequence
  -- first, then their second steps, and so on.  nn.RNN, nn.LSTM and nn.GRU take packed sequences and spend
  -- no time on padding.  Differentiable.
  --
  -- x: tensor, steps x batch x ..
  -- lengths: table or vector: how long each sequence is
  -- options: table of any of these:
  --   batchFirst: true: x is batch x steps x ..
  --   enforceSorted: false allows lengths that grow; the sequences are sorted
  -- Returns: a table with data, rows x ..; batchSizes, LongTensor of how many rows each step has; and,
  --   where they were sorted, sortedIndices, which sequence is where, and unsortedIndices, where each
  --   sequence is
  -- Errors: the lengths do not fit x; they grow and enforceSorted is not false
  -- From: PyTorch
  -- Example:
  --   x = torch.range(1, 6):view(3, 2)
  --   p = nn.utils.rnn.packPaddedSequence(x, { 3, 2 })
  --   p.data:size(1), p.batchSizes[3], p.data[5] --> 5 1 5.0
  function rnn.packPaddedSequence(x, lengths, options)
    local fn = "packPaddedSequence"
    local o = fill_options(fn, options, { batchFirst = false, enforceSorted = true })
    lengths = as_lengths(fn, lengths)
    if not torch.isTensor(x) or x:dim() < 2 then
      raise("%s: x is %s, wanted steps x batch, or more dimensions", fn, nn.tape.describe(x))
    end
    if o.batchFirst then x = x:transpose(1, 2) end
    if x:size(2) ~= lengths:nElement() or lengths:max() > x:size(1) then
      raise("%s: %d lengths up to %d for %d sequences of %d steps", fn, lengths:nElement(), lengths:max(),
        x:size(2), x:size(1))
    end
    local packed = {}
    if not descends(lengths) then
      if o.enforceSorted then
        raise("%s: the lengths grow; sort the sequences, or pass { enforceSorted = false }", fn)
      end
      local sorted, order = torch.sort(lengths, 1, true)
      lengths, packed.sortedIndices, packed.unsortedIndices = sorted, order, inverse(order)
      if x.device ~= order.device then
        packed.sortedIndices = order:to(x.device)
        packed.unsortedIndices = packed.unsortedIndices:to(x.device)
      end
      x = x:index(2, packed.sortedIndices)
    end
    local steps = lengths[1]
    local mask = inside(lengths, steps)
    packed.data = rows_of(x:narrow(1, 1, steps)):index(1, places(mask, x))
    packed.batchSizes = mask:sum(2):view(-1)
    return packed
  end

  -- The lengths of the sequences as they lie in a packed sequence, longest first.
  local function packed_lengths(fn, packed)
    local given = type(packed) == "table" and packed or {}
    if not torch.isTensor(given.data) or not torch.isTensor(given.batchSizes) then
      raise("%s: got %s, wanted a packed sequence", fn, nn.tape.describe(packed))
    end
    local sizes = packed.batchSizes
    return inside(sizes, sizes[1]):sum(2):view(-1)
  end

  --- nn.utils.rnn.padPackedSequence(packed [, options])
  --
  -- The other way: pads the sequences to one length, in the order in which they were given.  Differentiable.
  --
  -- packed: what packPaddedSequence or a recurrent layer gave
  -- options: table of any of these:
  --   batchFirst: true gives batch x steps x ..
  --   paddingValue: number, 0 by default
  --   totalLength: how many steps to pad to; the longest sequence's by default
  -- Returns: a tensor, steps x batch x ..; LongTensor of the lengths
  -- Errors: totalLength is less than the longest sequence
  -- From: PyTorch
  -- Example:
  --   p = nn.utils.rnn.packPaddedSequence(torch.ones(3, 2), { 3, 2 })
  --   x, lengths = nn.utils.rnn.padPackedSequence(p, { paddingValue = 7 })
  --   x[3][2], lengths[2] --> 7.0 2
  function rnn.padPackedSequence(packed, options)
    local fn = "padPackedSequence"
    local o = fill_options(fn, options, { batchFirst = false, paddingValue = 0, totalLength = false })
    local lengths = packed_lengths(fn, packed)
    local data, batch, steps = packed.data, packed.batchSizes[1], o.totalLength or lengths[1]
    if steps < lengths[1] then
      raise("%s: totalLength is %d, but a sequence has %d steps", fn, steps, lengths[1])
    end
    local rest = { table.unpack(data.shape, 2) }
    local room = data:detach().new(steps * batch, table.unpack(rest)):fill(o.paddingValue)
    local y = room:indexCopy(1, places(inside(lengths, steps), data), data)
    y = y:view(steps, batch, table.unpack(rest))
    if packed.unsortedIndices then
      y = y:index(2, packed.unsortedIndices)
      lengths = lengths:index(1, packed.unsortedIndices:cpu())
    end
    return o.batchFirst and y:transpose(1, 2) or y, lengths
  end

  -- ---- lists of sequences ---------------------------------------------------------------------------

  --- nn.utils.rnn.padSequence(list [, options])
  --
  -- Puts sequences of several lengths side by side, padded to the longest one's.  Differentiable.
  --
  -- list: table of tensors, steps x ..
  -- options: table of any of these:
  --   batchFirst: true gives batch x steps x ..
  --   paddingValue: number, 0 by default
  --   paddingSide: "right" (the default) pads behind the last step, "left" in front of the first
  -- Returns: a tensor, steps x batch x ..
  -- Errors: the list is empty; the other sizes differ
  -- From: PyTorch
  -- Example:
  --   nn.utils.rnn.padSequence({ torch.ones(3), torch.ones(1) }):size(1) --> 3
  function rnn.padSequence(list, options)
    local fn = "padSequence"
    local o = fill_options(fn, options, { batchFirst = false, paddingValue = 0, paddingSide = "right" })
    if not is_list(list) then raise("%s: got %s, wanted a table of tensors", fn, nn.tape.describe(list)) end
    if o.paddingSide ~= "right" and o.paddingSide ~= "left" then
      raise("%s: paddingSide is %s, wanted \"right\" or \"left\"", fn, tostring(o.paddingSide))
    end
    local longest, padded = 0, {}
    for _, x in ipairs(list) do longest = math.max(longest, x:size(1)) end
    for i, x in ipairs(list) do
      padded[i] = x
      if x:size(1) < longest then
        local more = x:detach().new(longest - x:size(1), table.unpack(x.shape, 2)):fill(o.paddingValue)
        padded[i] = torch.cat(o.paddingSide == "right" and { x, more } or { more, x }, 1)
      end
    end
    return torch.stack(padded, o.batchFirst and 1 or 2)
  end

  --- nn.utils.rnn.unpadSequence(x, lengths [, options])
  --
  -- The sequences that lie padded in x, as a list.
  --
  -- x: tensor, steps x batch x ..
  -- lengths: table or vector: how long each sequence is
  -- options: table: batchFirst: true: x is batch x steps x ..
  -- Returns: a table of tensors
  -- Errors: the lengths do not fit x
  -- From: PyTorch
  -- Example:
  --   nn.utils.rnn.unpadSequence(torch.ones(3, 2), { 3, 1 })[2]:size(1) --> 1
  function rnn.unpadSequence(x, lengths, options)
    local fn = "unpadSequence"
    local o = fill_options(fn, options, { batchFirst = false })
    lengths = as_lengths(fn, lengths)
    if not o.batchFirst then x = x:transpose(1, 2) end
    if x:size(1) ~= lengths:nElement() or lengths:max() > x:size(2) then
      raise("%s: %d lengths up to %d for %d sequences of %d steps", fn, lengths:nElement(), lengths:max(),
        x:size(1), x:size(2))
    end
    local list = {}
    for i = 1, x:size(1) do list[i] = x:select(1, i):narrow(1, 1, lengths[i]) end
    return list
  end

  --- nn.utils.rnn.packSequence(list [, options]); nn.utils.rnn.unpackSequence(packed)
  --
  -- Packs a list of sequences of several lengths, as packPaddedSequence does; the list of the sequences in
  -- a packed sequence.
  --
  -- list: table of tensors, steps x ..
  -- options: table: enforceSorted: false allows lengths that grow
  -- packed: what packSequence or a recurrent layer gave
  -- Returns: packSequence: a packed sequence; unpackSequence: a table of tensors
  -- Errors: the lengths grow and enforceSorted is not false
  -- From: PyTorch
  -- Example:
  --   p = nn.utils.rnn.packSequence { torch.ones(3), torch.zeros(1) }
  --   p.data:sum(), nn.utils.rnn.unpackSequence(p)[2]:size(1) --> 3.0 1
  function rnn.packSequence(list, options)
    local o = fill_options("packSequence", options, { enforceSorted = true })
    local padded, lengths = rnn.padSequence(list), {}
    for i, x in ipairs(list) do lengths[i] = x:size(1) end
    return rnn.packPaddedSequence(padded, lengths, o)
  end

  function rnn.unpackSequence(packed)
    return rnn.unpadSequence(rnn.padPackedSequence(packed))
  end
end
