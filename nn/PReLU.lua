-- PReLU.lua: y = x, or a learned part of it below zero.

return function(nn, torch)
  local PReLU, parent = torch.class("nn.PReLU", "nn.Module")
  local arguments = nn._arguments

  --- nn.PReLU([nOutputPlane [, opts]])
  --
  -- x where it is positive, w x elsewhere; w is learned.
  --
  -- nOutputPlane: how many planes (the second dimension, of a vector the first) the input has, each with
  --   a w of its own; one w for all by default, and with 1
  -- opts: table: init: what w starts as, 0.25 by default
  -- Returns: a module with weight; its input and output are tensors of one shape
  -- Errors: the input has other planes
  -- From: He and others, "Delving deep into rectifiers", ICCV 2015, as in Torch7 and PyTorch
  -- Example:
  --   nn.PReLU():forward(torch.Tensor { -4, 3 }):sum() --> 2.0
  function PReLU:__init(nOutputPlane, opts)
    parent.__init(self)
    self.nOutputPlane = arguments.whole(self, "nOutputPlane", nOutputPlane, 0, 0)
    local init = arguments.number(self, "init", arguments.options(self, opts, { init = 0.25 }).init)
    self.weight = torch.Tensor(math.max(self.nOutputPlane, 1)):fill(init)
    self.gradWeight = torch.zeros(math.max(self.nOutputPlane, 1))
  end

  function PReLU:updateOutput(input)
    arguments.tensor(self, input)
    local weight = self.weight
    if self.nOutputPlane > 1 then
      local dim = input:dim() > 1 and 2 or 1
      if input:dim() == 0 or input:size(dim) ~= self.nOutputPlane then
        arguments.fail(self, "the input is of %s, wanted %d planes", arguments.shape(input),
          self.nOutputPlane)
      end
      local shape = {}
      for d = 1, input:dim() do shape[d] = d == dim and self.nOutputPlane or 1 end
      weight = torch.reshape(weight, shape)
    end
    return nn.functional._prelu(input, weight)
  end
end
