-- PrintSize.lua: prints the sizes of what passes.

return function(_, torch)
  local PrintSize, parent = torch.class("nn.PrintSize", "nn.Module")

  local function describe(value)
    if torch.isTensor(value) then return value:size() end
    return value == nil and "missing size" or value
  end

  local watch = torch.Function {
    name = "nn.PrintSize",
    forward = function(ctx, x, prefix)
      ctx.prefix = prefix
      return x
    end,
    backward = function(ctx, g)
      print(ctx.prefix .. ":gradOutput\n", describe(g))
      return g
    end,
  }

  --- nn.PrintSize([prefix])
  --
  -- The input, whose size is printed; on the way back that of the gradient is.
  --
  -- prefix: string in front of what is printed
  -- Returns: a module; its input is a tensor, or a table, of which only the forward is printed
  -- From: Torch7
  -- Example:
  --   nn.PrintSize("after the first layer"):forward(torch.ones(2)):sum() --> 2.0
  function PrintSize:__init(prefix)
    parent.__init(self)
    self.prefix = prefix or "PrintSize"
  end

  function PrintSize:updateOutput(input)
    print(self.prefix .. ":input\n", describe(input))
    return torch.isTensor(input) and watch(input, self.prefix) or input
  end
end
