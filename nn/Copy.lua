-- Copy.lua: the input in another type.

return function(nn, torch)
  local Copy, parent = torch.class("nn.Copy", "nn.Module")
  local arguments = nn._arguments

  --- nn.Copy([intype [, outtype [, forceCopy [, dontCast]]]])
  --
  -- The input in another type; the gradient goes back in the input's.
  --
  -- intype: string, as "torch.FloatTensor"; the default type by default
  -- outtype: likewise
  -- forceCopy: true copies where the two are the same too
  -- dontCast: true has module:type() and its like leave the module as it is
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   module = nn.Copy("torch.FloatTensor", "torch.DoubleTensor")
  --   module:forward(torch.FloatTensor(2)):type() --> torch.DoubleTensor
  function Copy:__init(intype, outtype, forceCopy, dontCast)
    parent.__init(self)
    intype = intype or torch.getdefaulttensortype()
    outtype = outtype or torch.getdefaulttensortype()
    for _, name in ipairs { intype, outtype } do
      if type(name) ~= "string" or not torch.getmetatable(name) then
        arguments.fail(self, "there is no type of tensors %s", tostring(name))
      end
    end
    self.dontCast = dontCast
    self.gradInput = torch.getmetatable(intype).new()
    self.output = torch.getmetatable(outtype).new()
    self.like = torch.getmetatable(outtype).new() -- follows module:type(), and so says the output's type
    self.same = not forceCopy and intype == outtype
  end

  function Copy:updateOutput(input)
    arguments.tensor(self, input)
    if self.same then return input end
    local y = input:type((self.like or self.output):type()) -- Torch7's files have no `like`
    return rawequal(y, input) and input:clone() or y
  end
end
