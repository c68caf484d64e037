-- MixedPrecision: float32, or mixed precision with what float16 needs, for a training loop of one's own.

local options = require "torch.options"

return function(train, torch)
  local MixedPrecision = torch.class("train.MixedPrecision", train)

  local short = { fp32 = "float32", fp16 = "float16", bf16 = "bfloat16" }

  --- The name of a type in full; an error when it is none for training.
  function train._precision(what, name)
    return options.choice(what, "precision", short[name] or name, "float32", "bfloat16", "float16")
  end

  --- train.MixedPrecision([name [, device]])
  --
  -- The precision that a training loop works in: the same lines serve all of them.  Parameters are float32.
  --
  -- name: "float32", the default, "bfloat16" or "float16"; "fp32", "bf16" or "fp16" in short
  -- device: "cpu", the default, or "cuda": where the model is
  -- Returns: an object with the fields dtype and, with float16, scaler, a train.GradScaler
  -- Errors: there is no such precision
  -- Example:
  --   precision = train.MixedPrecision("bf16")
  --   precision.dtype --> bfloat16
  function MixedPrecision:__init(name, device)
    self.dtype = train._precision("train.MixedPrecision", name or "float32")
    self.device = device or "cpu"
    if self.dtype == "float16" then self.scaler = train.GradScaler() end
  end

  --- precision:run(f, ...); precision:step(optimizer, loss [, before])
  --
  -- Calls a function in this precision, by torch.autocast; makes the optimizer's gradients zero, runs the
  -- loss's backward and makes a step, with float16 unless gradients are not finite.
  --
  -- f: function, or a module
  -- ...: its arguments
  -- optimizer: object, as optim.Adam(model:parameters())
  -- loss: tensor
  -- before: function that is called when the gradients are complete, to make them shorter
  -- Returns: run: what f returns; step: whether the step was made
  -- Example:
  --   w = torch.ones(2, 2):requireGrad()
  --   precision, optimizer = train.MixedPrecision("float16"), optim.SGD({ w }, { lr = 0.5 })
  --   loss = precision:run(function() return torch.mm(w, torch.ones(2, 1)):sum() / 4 end)
  --   precision:step(optimizer, loss), w:detach()[1][1] --> true 0.875
  function MixedPrecision:run(f, ...)
    if self.dtype == "float32" then return f(...) end
    return torch.autocast(self.device, self.dtype, f, ...)
  end

  local function parameters(optimizer)
    local list = {}
    for _, group in ipairs(optimizer.groups) do
      for _, p in ipairs(group.params) do list[#list + 1] = p.value end
    end
    return list
  end

  function MixedPrecision:step(optimizer, loss, before)
    local scaler, finite = self.scaler, true
    optimizer:zeroGrad()
    if scaler then loss = scaler:scaled(loss) end
    loss:backward()
    if scaler then
      finite = scaler:unscale(parameters(optimizer))
      scaler:update(finite)
    end
    if finite then
      if before then before() end
      optimizer:step()
    end
    return finite
  end
end
