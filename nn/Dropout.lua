-- Dropout.lua: zeroes elements at random while training.
-- Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.

return function(nn, torch)
  local Dropout, parent = torch.class("nn.Dropout", "nn.Module")

  --- nn.Dropout([p [, v1]]): each element is zero with probability p (0.5), the others are divided by
  -- 1 - p, so that evaluation needs no scaling; with v1 = true evaluation scales instead.
  function Dropout:__init(p, v1)
    parent.__init(self)
    self.p = p or 0.5
    self.train = true
    self.v2 = not v1
    if self.p < 0 or self.p >= 1 then error(("nn.Dropout: p = %g, wanted 0 <= p < 1"):format(self.p), 2) end
  end

  function Dropout:updateOutput(input)
    if self.train then return nn.functional.dropout(input, self.p, self.v2) end
    return self.v2 and input or torch.mul(input, 1 - self.p)
  end

  function Dropout:setp(p)
    self.p = p
  end

  function Dropout:__tostring()
    return ("%s(%f)"):format(torch.typename(self), self.p)
  end
end
