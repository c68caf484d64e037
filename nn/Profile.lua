-- Profile.lua: how long a module takes.

return function(_, torch)
  local Profile, parent = torch.class("nn.Profile", "nn.Decorator")

  --- nn.Profile(module [, print_interval [, name]])
  --
  -- The module itself; after every print_interval calls it prints how long the forward passes took together,
  -- and the same for the backward passes of Torch7's protocol.
  --
  -- module: nn.Module
  -- print_interval: number, 100 by default
  -- name: string, the module's class by default
  -- Returns: a module
  -- From: Torch7
  -- Example:
  --   nn.Profile(nn.Linear(3, 4)):forward(torch.ones(3)):size(1) --> 4
  function Profile:__init(module, print_interval, name)
    parent.__init(self, module)
    self.print_interval = print_interval or 100
    self.name = name or torch.type(module)
    self.module = module
    self.numFwds, self.summedFwdTime = 0, 0
    self.numBwds, self.summedBwdTime = 0, 0
  end

  -- Calls f; the seconds are added to what is counted under two names.
  local function timed(self, count, sum, what, f, ...)
    local timer = torch.Timer()
    local result = f(...)
    self[sum] = self[sum] + timer:time().real
    self[count] = self[count] + 1
    if self[count] % self.print_interval == 0 then
      print(("%s took %.3f seconds for %d %s passes"):format(self.name, self[sum], self.print_interval, what))
      self[count], self[sum] = 0, 0
    end
    return result
  end

  function Profile:updateOutput(input)
    return timed(self, "numFwds", "summedFwdTime", "forward", parent.updateOutput, self, input)
  end

  function Profile:backward(input, gradOutput, scale)
    return timed(self, "numBwds", "summedBwdTime", "backward", parent.backward, self, input, gradOutput,
      scale)
  end
end
