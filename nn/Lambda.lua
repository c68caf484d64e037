-- Lambda.lua: any function as a module.

return function(_, torch)
  local Lambda, parent = torch.class("nn.Lambda", "nn.Module")

  --- nn.Lambda(f)
  --
  -- Any function of tensors as a module; containers make one of a function that is added to them.  The
  -- function may use other modules: to have their parameters known, make them fields of the module.  A file
  -- holds it only when asked to (torch.save with functions = true).
  --
  -- f: function of the input, written with differentiable functions
  -- Returns: a module, with f in its field f
  -- Errors: f is no function
  -- From: Keras
  -- Example:
  --   net = nn.Sequential(nn.Lambda(function(x) return x * 2 end), torch.exp)
  --   net:forward(torch.zeros(3)):sum() --> 3.0
  function Lambda:__init(f)
    parent.__init(self)
    if type(f) ~= "function" then
      error(("nn.Lambda: a function is wanted, got a %s"):format(torch.type(f)), 2)
    end
    self.f = f
  end

  function Lambda:updateOutput(...)
    return self.f(...)
  end
end
