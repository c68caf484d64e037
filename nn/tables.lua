-- tables.lua: what modules whose input is a table share: is it what they want?

return function(nn, torch)
  local tables, arguments = {}, nn._arguments
  nn.tables = tables

  --- nn.tables.tensor(module, input [, what]); nn.tables.entries(module, input, least [, most])
  -- nn.tables.tensors(module, input, least [, most]); nn.tables.alike(module, input, least [, most])
  --
  -- For updateOutput: says no to an input that is not a tensor; not a table of so many entries; not a table
  -- of so many tensors; or not one of tensors that have equally many elements.
  --
  -- module: nn.Module
  -- input: what it was given
  -- what: string: what the input is called, "the input" by default
  -- least, most: how many entries are wanted
  -- Returns: the input; of alike a list of tensors, all of the first one's sizes
  -- Errors: the input is something else
  -- Example:
  --   #nn.tables.tensors(nn.Identity(), { torch.ones(1), torch.ones(2) }, 2) --> 2
  --   nn.tables.alike(nn.Identity(), { torch.ones(2, 1), torch.ones(2) }, 2)[2]:dim() --> 2
  function tables.tensor(module, input, what)
    if torch.isTensor(input) then return input end
    arguments.fail(module, "%s is wanted as a tensor, got a %s", what or "the input", torch.type(input))
  end

  function tables.entries(module, input, least, most)
    if type(input) == "table" and #input >= least and #input <= (most or #input) then return input end
    arguments.fail(module, "a table of %s%d entries is wanted, got %s", most and "" or "at least ", least,
      type(input) == "table" and #input .. " of them" or "a " .. torch.type(input))
  end

  function tables.tensors(module, input, least, most)
    tables.entries(module, input, least, most)
    for i = 1, #input do tables.tensor(module, input[i], "entry " .. i) end
    return input
  end

  function tables.alike(module, input, least, most)
    tables.tensors(module, input, least, most)
    local first, list = input[1], { input[1] }
    for i = 2, #input do
      local t = input[i]
      if t:isSameSizeAs(first) then
        list[i] = t
      elseif t:nElement() == first:nElement() then
        list[i] = torch.reshape(t, table.unpack(first.shape))
      else
        arguments.fail(module, "entries of the same sizes are wanted, got %s and %s", arguments.shape(first),
          arguments.shape(t))
      end
    end
    return list
  end

  --- nn.tables.vectors(module, input)
  --
  -- For modules of two vectors, or of two batches of them.
  --
  -- module: nn.Module
  -- input: table of two vectors or two matrices
  -- Returns: two matrices; their rows are the samples
  -- Errors: it is something else
  -- Example:
  --   a, b = nn.tables.vectors(nn.Identity(), { torch.ones(3), torch.ones(3) })
  --   a:size(2), b:dim() --> 3 2
  function tables.vectors(module, input)
    tables.tensors(module, input, 2)
    local a, b = input[1], input[2]
    if a:dim() < 1 or a:dim() > 2 or not a:isSameSizeAs(b) then
      arguments.fail(module, "two vectors or two matrices of the same sizes are wanted, got %s and %s",
        arguments.shape(a), arguments.shape(b))
    end
    if a:dim() == 2 then return a, b end
    return torch.reshape(a, 1, a:size(1)), torch.reshape(b, 1, b:size(1))
  end

  --- nn.tables.dimension(module, dim, x); nn.tables.join(module, list, dim)
  --
  -- Which dimension of x a number means, negative ones counting from the last; the tensors of a list one
  -- behind the other along a dimension.
  --
  -- module: nn.Module, for messages
  -- dim: number
  -- x: tensor
  -- list: table of tensors
  -- Returns: dimension: a number; join: a tensor
  -- Errors: there is no such dimension; sizes beside dim differ
  -- Example:
  --   nn.tables.dimension(nn.Identity(), -1, torch.ones(2, 3)) --> 2
  --   nn.tables.join(nn.Identity(), { torch.ones(2), torch.ones(1) }, 1):size(1) --> 3
  function tables.dimension(module, dim, x)
    local d = dim and dim < 0 and x:dim() + dim + 1 or dim
    if not d or d < 1 or d > x:dim() then
      arguments.fail(module, "dimension %s of a tensor of %s", tostring(dim), arguments.shape(x))
    end
    return d
  end

  function tables.join(module, list, dim)
    local first = tables.tensors(module, list, 1)[1]
    dim = tables.dimension(module, dim, first)
    for i = 2, #list do
      local fits = list[i]:dim() == first:dim()
      for d = 1, fits and first:dim() or 0 do
        fits = fits and (d == dim or list[i]:size(d) == first:size(d))
      end
      if not fits then
        arguments.fail(module, "tensors that differ in dimension %d only are wanted, got %s and %s", dim,
          arguments.shape(first), arguments.shape(list[i]))
      end
    end
    return torch.cat(list, dim)
  end
end
