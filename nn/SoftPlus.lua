-- SoftPlus.lua: y = log(1 + exp(beta x)) / beta, element by element.

return function(nn, torch)
  local SoftPlus, parent = torch.class("nn.SoftPlus", "nn.Module")
  local arguments = nn._arguments

  --- nn.SoftPlus([beta])
  --
  -- log(1 + exp(beta x)) / beta of each element, a smooth max(x, 0).
  --
  -- beta: number, 1 by default
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.SoftPlus():forward(torch.Tensor { 1000 })[1] --> 1000.0
  function SoftPlus:__init(beta)
    parent.__init(self)
    self.beta = arguments.number(self, "beta", beta, 1)
    self.threshold = 20 -- as in Torch7; torch.softplus needs none
  end

  function SoftPlus:updateOutput(input)
    arguments.tensor(self, input)
    return torch.softplus(input * self.beta) / self.beta
  end
end
