-- Reshape.lua: the elements in another shape, sample by sample.

return function(nn, torch)
  local arguments = nn._arguments
  local Reshape, parent = torch.class("nn.Reshape", "nn.Module")

  --- nn.Reshape(size, ... [, batchMode])
  --
  -- The elements in another shape, sample by sample.
  --
  -- size: number; also a LongStorage
  -- batchMode: true: the first dimension of the input is the batch; false: it is not; left out: it is when
  --   the number of elements says so
  -- Returns: a module
  -- Errors: a size is negative; the input's elements do not fit
  -- From: Torch7
  -- Example:
  --   table.concat(nn.Reshape(3, 2):forward(torch.ones(4, 6)).shape, "x") --> 4x3x2
  function Reshape:__init(...)
    parent.__init(self)
    local args = { ... }
    if type(args[#args]) == "boolean" then self.batchMode = table.remove(args) end
    local sizes = arguments.sizes(self, 0, table.unpack(args))
    self.size, self.nelement = torch.LongStorage(sizes), 1
    for _, size in ipairs(sizes) do self.nelement = self.nelement * size end
  end

  function Reshape:updateOutput(input)
    arguments.tensor(self, input)
    local whole = input:nElement() == self.nelement and input:size(1) ~= 1
    if self.batchMode == false or (self.batchMode == nil and whole) then
      return torch.reshape(input, table.unpack(self.size:totable()))
    end
    arguments.tensor(self, input, 1)
    return torch.reshape(input, input:size(1), table.unpack(self.size:totable()))
  end

  function Reshape:__tostring()
    return ("%s(%s)"):format(torch.typename(self), table.concat(self.size:totable(), "x"))
  end
end
