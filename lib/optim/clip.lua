-- clip: optim.clipGradNorm and optim.clipGradValue: those of nn.utils, which is loaded when they are called.

return function(optim)
  --- optim.clipGradNorm(params, maxNorm [, p [, quiet]]); optim.clipGradValue(params, value)
  --
  -- nn.utils.clipGradNorm and nn.utils.clipGradValue: scales all gradients alike, so that their p-norm
  -- together is at most maxNorm; or keeps each element between -value and value.  Call them between
  -- loss:backward() and optimizer:step().
  --
  -- params: module, list of tensors, or tensor; those without a gradient do not count
  -- maxNorm, value: numbers
  -- p: number, 2 by default, or math.huge for the largest element
  -- quiet: true gives no norm, so that the script need not wait for a GPU
  -- Returns: clipGradNorm: the norm before, a number
  -- Errors: maxNorm or value is negative
  -- From: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013
  -- Example:
  --   p = torch.ones(2):requireGrad()
  --   p.grad = torch.Tensor { 3, 4 }
  --   optim.clipGradNorm({ p }, 1) --> 5.0
  --   ("%.3f"):format(p.grad:norm()) --> 1.000
  function optim.clipGradNorm(params, maxNorm, p, quiet)
    return require("nn").utils.clipGradNorm(params, maxNorm, p, quiet)
  end

  function optim.clipGradValue(params, value)
    return require("nn").utils.clipGradValue(params, value)
  end
end
