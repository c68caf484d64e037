-- GradientReversal.lua: the input, with the gradient turned round.

return function(nn, torch)
  local GradientReversal, parent = torch.class("nn.GradientReversal", "nn.Module")
  local arguments = nn._arguments

  local reverse = torch.Function {
    name = "nn.GradientReversal",
    forward = function(ctx, x, lambda)
      ctx.lambda = lambda
      return x
    end,
    backward = function(ctx, g) return g * -ctx.lambda end,
  }

  --- nn.GradientReversal([lambda])
  --
  -- The input; the gradient on its way back is multiplied by -lambda.
  --
  -- lambda: number, 1 by default
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Ganin and Lempitsky, "Unsupervised domain adaptation by backpropagation", ICML 2015, as in
  --   Torch7
  -- Example:
  --   module = nn.GradientReversal(2)
  --   x = torch.ones(3)
  --   module:forward(x):sum(), module:backward(x, x):sum() --> 3.0 -6.0
  function GradientReversal:__init(lambda)
    parent.__init(self)
    self.lambda = arguments.number(self, "lambda", lambda, 1)
  end

  function GradientReversal:updateOutput(input)
    return reverse(input, self.lambda)
  end

  --- nn.GradientReversal:setLambda(lambda)
  --
  -- Sets lambda.
  --
  -- lambda: number
  -- From: Torch7
  -- Example:
  --   module = nn.GradientReversal()
  --   module:setLambda(0.5)
  --   module.lambda --> 0.5
  function GradientReversal:setLambda(lambda)
    self.lambda = arguments.number(self, "lambda", lambda)
  end
end
