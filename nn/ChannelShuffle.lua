-- ChannelShuffle.lua: the channels of several groups by turns.

return function(nn, torch)
  local ChannelShuffle, parent = torch.class("nn.ChannelShuffle", "nn.Module")
  local arguments = nn._arguments

  --- nn.ChannelShuffle(groups)
  --
  -- Takes the channels, which lie group after group, by turns: the first of each group, then the second of
  -- each, and so on.
  --
  -- groups: number
  -- Returns: a module; its input and output are batch x channels x ..
  -- Errors: groups do not divide the channels
  -- From: Zhang and others, "ShuffleNet", CVPR 2018, as in PyTorch
  -- Example:
  --   x = torch.range(1, 4):view(1, 4, 1)
  --   table.concat(nn.ChannelShuffle(2):forward(x):view(4):totable(), " ") --> 1.0 3.0 2.0 4.0
  function ChannelShuffle:__init(groups)
    parent.__init(self)
    self.groups = arguments.whole(self, "groups", groups, nil, 1)
  end

  function ChannelShuffle:updateOutput(input)
    local n, c = arguments.tensor(self, input, 3):size(1), input:size(2)
    if c % self.groups ~= 0 then
      arguments.fail(self, "the input is of %s, wanted channels that %d groups divide",
        arguments.shape(input), self.groups)
    end
    local inner = input:nElement() // math.max(n * c, 1)
    local y = torch.reshape(input, n, self.groups, c // self.groups, inner):transpose(2, 3)
    return torch.reshape(y, input.shape)
  end

  function ChannelShuffle:__tostring()
    return ("%s(%d)"):format(torch.typename(self), self.groups)
  end
end
