-- attention.lua: attention, and positions for it.

local check_options = require("torch.options").check
local raise = require("torch.caller").raise

return function(nn, torch)
  local functional = nn.functional

  local function text_of(x)
    return torch.isTensor(x) and (#x.shape == 0 and "no dimensions" or table.concat(x.shape, "x")) or type(x)
  end

  -- The options of a function: an unknown one is an error.
  local function check(name, given, known)
    return check_options("nn.functional." .. name, given, known)
  end

  -- ---- attention -----------------------------------------------------------------------------------

  local attention_options = { mask = true, causal = true, offset = true, dropout = true, scale = true,
    enableGqa = true, weights = true }

  --- nn.functional.scaledDotProductAttention(q, k, v [, opts])
  --
  -- softmax(scale q k^T + mask) v: each query's mean of the values, by how well the keys fit.  A query
  -- that may see no key at all gives 0.  Differentiable; so is a mask of numbers.
  --
  -- q: tensor of queries, .. x L x E
  -- k: tensor of keys, .. x S x E
  -- v: tensor of values, .. x S x D
  -- opts: table: mask: tensor that broadcasts to .. x L x S: of bools, true where a query may see a key, or
  --   of numbers that are added; causal: true lets query i see only the first i keys; offset: with causal, so
  --   many keys more, 0 by default; dropout: the probability with which a weight becomes 0; scale: 1/sqrt(E)
  --   by default; enableGqa: true lets k and v have fewer heads than q (in the dimension third from the
  --   last), which neighbouring heads of q share; weights: true gives the softmax too
  -- Returns: a tensor, .. x L x D, whose heads lie in memory in the order of q's; with weights a second one,
  --   .. x L x S, after the dropout
  -- Errors: the shapes do not fit; there is no such option
  -- From: Vaswani and others, "Attention is all you need", NeurIPS 2017, as in PyTorch
  -- Example:
  --   q, k, v = torch.zeros(2, 3), torch.zeros(2, 3), torch.Tensor { { 1 }, { 3 } }
  --   nn.functional.scaledDotProductAttention(q, k, v):sum() --> 4.0
  --   nn.functional.scaledDotProductAttention(q, k, v, { causal = true })[1][1] --> 1.0
  function functional.scaledDotProductAttention(q, k, v, opts)
    local o = check("scaledDotProductAttention", opts, attention_options)
    if q:dim() > 2 and not o.enableGqa and k:dim() == q:dim() and k:size(-3) ~= q:size(-3) then
      raise("nn.functional.scaledDotProductAttention: a query of %s with a key of %s: " ..
        "fewer heads want enableGqa", text_of(q), text_of(k))
    end
    return functional._attention(q, k, v, o.mask, o.causal, o.offset, o.dropout, o.scale, o.weights)
  end

  --- nn.functional.varlenAttn(q, k, v, cuSeqQ, cuSeqK [, maxQ [, maxK [, opts]]])
  --
  -- Attention within each of several sequences of different lengths, whose rows lie one after the other
  -- without padding.  Differentiable.
  --
  -- q: tensor of the queries of all sequences, rows x heads x E
  -- k: tensor of keys, rows x heads x E; its heads may be fewer, if their number divides q's
  -- v: tensor of values, rows x heads x D
  -- cuSeqQ, cuSeqK: int32 or int64 vectors: 0, and then how many rows the first, the first two, .. have
  --   together.  They are looked at, for which a GPU is waited for when they are there
  -- maxQ, maxK: the most rows that a sequence may have; any number by default
  -- opts: table: causal: true lets the last query of a sequence see all its keys, the one before it all but
  --   the last, and so on; scale: 1/sqrt(E) by default
  -- Returns: a tensor, rows of q x heads x D
  -- Errors: the shapes do not fit; the bounds fall, or do not end at the last row; a sequence is too long
  -- From: torch.nn.attention.varlen.varlen_attn of PyTorch
  -- Example:
  --   q, v = torch.zeros(3, 1, 2), torch.Tensor { 1, 3, 7 }:reshape(3, 1, 1)
  --   ends = torch.IntTensor { 0, 2, 3 }
  --   table.concat(nn.functional.varlenAttn(q, q, v, ends, ends):reshape(3):totable(), " ") --> 2.0 2.0 7.0
  function functional.varlenAttn(q, k, v, cuSeqQ, cuSeqK, maxQ, maxK, opts)
    local o = check("varlenAttn", opts, { causal = true, scale = true })
    return functional._varlenAttention(q, k, v, cuSeqQ, cuSeqK, maxQ, maxK, o.causal, o.scale)
  end

  -- ---- rotary positions ------------------------------------------------------------------------------

  -- Cosines and sines of positions times base^(-2i/dim), in a type and on a device that x's kernels take.
  -- positions: a vector; they count from 1, and the first is not turned.
  function functional._rotaryTables(x, positions, dim, base)
    local inverse = torch.pow(base, torch.range(0, dim - 2, 2):double() / -dim)
    local angles = torch.ger(positions:double() - 1, inverse)
    local wide = x.dtype == "float64" and "float64" or "float32"
    local like = x.dtype == wide and x or x.new(1):float()
    local function there(t) return like.new(table.unpack(t.shape)):copy(t) end
    return there(torch.cos(angles)), there(torch.sin(angles))
  end

  --- nn.functional.rotary(x [, positions [, opts]])
  --
  -- Turns pairs of elements of each row by angles: pair i of the row at position p by
  -- (p - 1) base^(-2 (i - 1) / dim).  Products of rows so turned depend only on how far apart they are.
  -- Differentiable.
  --
  -- x: tensor, .. x L x E, such as queries or keys
  -- positions: vector of L numbers, or the first of L that follow each other; 1 by default
  -- opts: table: base: 10000 by default; dim: how many elements of a row are turned, E by default;
  --   interleaved: true pairs neighbours, otherwise element i goes with i + dim/2
  -- Returns: a tensor of x's shape
  -- Errors: dim is odd, or larger than E; there are not L positions
  -- From: Su and others, "RoFormer: enhanced transformer with rotary position embedding", 2021
  -- Example:
  --   x = torch.Tensor { { 1, 0 }, { 1, 0 } }
  --   y = nn.functional.rotary(x)
  --   y[1][1], math.abs(y[2][2] - math.sin(1)) < 1e-6 --> 1.0 true
  function functional.rotary(x, positions, opts)
    local o = check("rotary", opts, { base = true, dim = true, interleaved = true })
    if not torch.isTensor(x) or x:dim() < 2 then
      raise("nn.functional.rotary: the input is of %s, wanted two dimensions or more", text_of(x))
    end
    local dim, l = o.dim or x:size(-1), x:size(-2)
    if dim % 2 ~= 0 or dim < 2 or dim > x:size(-1) then
      raise("nn.functional.rotary: dim is %s, wanted an even number up to %d", tostring(dim), x:size(-1))
    end
    if l == 0 then return torch.clone(x) end
    if not torch.isTensor(positions) then
      local first = positions or 1
      positions = torch.range(first, first + l - 1)
    end
    if positions:dim() ~= 1 or positions:size(1) ~= l then
      raise("nn.functional.rotary: positions of %s for an input of %s", text_of(positions), text_of(x))
    end
    local cos, sin = functional._rotaryTables(x, positions, dim, o.base or 10000)
    return functional._rotary(x, cos, sin, o.interleaved)
  end

  -- ---- linear biases ---------------------------------------------------------------------------------

  -- Geometric for a power of two; for another number, those of the power below and every second of the next.
  local function slopes(heads)
    local power = 1
    while power * 2 <= heads do power = power * 2 end
    local list = {}
    for h = 1, power do list[h] = 2 ^ (-8 * h / power) end
    for h = 1, heads - power do list[power + h] = 2 ^ (-4 * (2 * h - 1) / power) end
    return list
  end

  --- nn.functional.alibi(heads, l [, s [, offset]])
  --
  -- ALiBi: a bias for attention's scores that grows with the distance of query and key, by a slope of
  -- each head's own; for the mask of nn.functional.scaledDotProductAttention, together with causal.
  --
  -- heads: number
  -- l, s: how many queries and keys; s is l + offset by default
  -- offset: how many keys come before that of the first query; 0 by default
  -- Returns: a tensor, heads x l x s, of numbers up to 0
  -- Errors: a number is not at least 1
  -- From: Press, Smith and Lewis, "Train short, test long", ICLR 2022
  -- Example:
  --   nn.functional.alibi(8, 3)[1][3][1] --> -1.0
  function functional.alibi(heads, l, s, offset)
    offset = offset or 0
    s = s or l + offset
    for _, n in ipairs { heads, l, s } do
      if math.type(n) ~= "integer" or n < 1 then
        raise("nn.functional.alibi: a size of %s, wanted a whole number of at least 1", tostring(n))
      end
    end
    local queries = torch.range(1, l):reshape(1, l, 1) + offset
    local distance = torch.abs(queries - torch.range(1, s):reshape(1, 1, s))
    return torch.cmul(torch.neg(torch.Tensor(slopes(heads)):reshape(heads, 1, 1)), distance)
  end
end
