-- step: one batch: forward, backward, and where enough batches have come, the step of the optimizers.

local gradients = require("torch._each").gradients
local loaders = require "train.loaders"
local raise = require("torch.caller").raise

return function(train, torch)
  local Trainer = train.Trainer

  -- ---- forward -----------------------------------------------------------------------------------------

  -- f in the trainer's precision: the parameters stay as they are.
  local function in_precision(self, f, ...)
    if not self.dtype then return f(...) end
    local p = self._params[1] or self.model:parameters()[1]
    return torch.autocast(tostring(p.device), self.dtype, f, ...)
  end

  local function from_half(t)
    return (t.dtype == "float16" or t.dtype == "bfloat16") and t:to("float32") or t
  end

  -- The model's output, in float32 when its layers work in less.
  function Trainer:_run(input)
    if not self.dtype then return self.model(input) end
    return loaders.map(in_precision(self, self.model, input), from_half)
  end

  -- The loss of a batch, a table of numbers, output and target.
  local function default_step(self, batch)
    local input, target = loaders.pair(batch)
    local output = self:_run(input)
    local loss = self.loss
    if not torch.isGradEnabled() and torch.isTypeOf(loss, "nn.Criterion") then
      return loss:forward(output, target), nil, output, target
    end
    return loss(output, target), nil, output, target
  end

  local function check_loss(loss)
    if type(loss) == "number" then return loss end
    if not torch.isTensor(loss) then
      raise("train: the loss is a %s, wanted a tensor of one element", torch.type(loss))
    end
    if loss:nElement() ~= 1 then
      raise("train: the loss has shape %s, wanted one element; take its mean or sum",
        table.concat(loss.shape, "x"))
    end
    return loss
  end

  local function number(name, value)
    if torch.isTensor(value) and value:nElement() == 1 then value = value:item() end
    if type(value) ~= "number" then
      raise("train: step gave %s for '%s', wanted a number", torch.type(value), tostring(name))
    end
    return value
  end

  -- Loss, numbers by name, output, target, number of samples; the batch is moved and cast.
  function Trainer:_forward(batch)
    batch = self:_move(batch)
    if self.cast then batch = self.cast(batch) end
    local step = self.stepFunction or default_step
    local loss, values, output, target = in_precision(self, step, self, batch)
    if self.dtype and output ~= nil then output = loaders.map(output, from_half) end
    return check_loss(loss), values, output, target, loaders.samples(batch)
  end

  -- ---- means -------------------------------------------------------------------------------------------

  -- Adds what a batch of n samples gave to sums, {sum=, count=} by name.
  function Trainer:_count(sums, loss, values, n)
    local function add(name, value)
      local entry = sums[name]
      if not entry then
        entry = { sum = 0.0, count = 0 }
        sums[name] = entry
      end
      entry.sum, entry.count = entry.sum + value * n, entry.count + n
    end
    add("loss", loss)
    if values ~= nil and type(values) ~= "table" then
      raise("train: step gave a %s beside the loss, wanted a table of numbers", torch.type(values))
    end
    for name, value in pairs(values or {}) do add(name, number(name, value)) end
  end

  -- The means so far by name, and the metrics; `cheap` leaves out those that take long.
  function Trainer:_means(cheap, sums)
    local means = {}
    for name, entry in pairs(sums or self._sums) do means[name] = entry.sum / entry.count end
    for _, m in ipairs(self.metrics) do
      if not (cheap and m.metric.slow) then train._report(means, m.name, m.metric:value()) end
    end
    return means
  end

  function Trainer:_measure(output, target)
    if output == nil then return end
    torch.noGrad(function()
      output = loaders.map(output, function(t) return t:detach() end)
      for _, m in ipairs(self.metrics) do m.metric:update(output, target) end
    end)
  end

  -- ---- backward and step -------------------------------------------------------------------------------

  -- The gradients of several batches count by their numbers of samples: together they are those of one big
  -- batch.
  local function backward(self, loss, n)
    local group = self._pending
    if not group.first then
      for _, o in ipairs(self.optimizers) do o:zeroGrad() end
      group.first, group.weight, group.count, group.loss = n, 0, 0, 0
    end
    local share = self.accumulate > 1 and n / group.first or 1
    group.weight, group.count = group.weight + share, group.count + 1
    if not torch.isTensor(loss) or not loss.requiresGrad then
      raise "train: the loss does not depend on any parameter: was it computed with detach or noGrad?"
    end
    if share ~= 1 then loss = loss * share end
    if self.scaler then loss = self.scaler:scaled(loss) end
    loss:backward()
    return share
  end

  local function divide_gradients(self, by)
    torch.noGrad(gradients.scale, self._params, 1 / by)
  end

  local function clip(self)
    local nn = require "nn"
    if self.clipNorm then nn.utils.clipGradNorm(self._params, self.clipNorm, 2, true) end
    if self.clipValue then nn.utils.clipGradValue(self._params, self.clipValue) end
  end

  -- The step that the gradients so far make.
  function Trainer:_update()
    local group, finite = self._pending, true
    self._pending = {}
    if self.scaler then
      finite = self.scaler:unscale(self._params, group.weight)
    elseif group.weight ~= 1 then
      divide_gradients(self, group.weight)
    end
    self.finite = finite
    self:_emit("afterBackward")
    if finite then
      clip(self)
      for _, o in ipairs(self.optimizers) do o:step() end
    else
      self.skipped = self.skipped + 1
    end
    if self.scaler then self.scaler:update(finite) end
    self.step, self.stepped = self.step + 1, true
    for _, s in ipairs(self.schedules) do
      if s.every == "step" then s.schedule:step() end
    end
    if self.ema and finite then self.ema:update() end
    if self.logger and self.step % self.logEvery == 0 then self:log("loss", group.loss / group.weight) end
    self:_emit("stepEnd")
  end

  -- Whether batches wait for others to make a step with them.
  function Trainer:_waits() return self._pending.first ~= nil end

  -- math.random has no state that can be kept: what it gives depends on the seed, the epoch and the batch.
  function Trainer:_seedMath(use)
    math.randomseed(self.seed, use << 62 | self.epoch << 32 | self.batch)
  end

  -- A batch of training.
  function Trainer:_trainBatch(batch)
    self.batch, self.stepped = self.batch + 1, false
    self:_seedMath(0)
    self:_emit("batchBegin", batch)
    local loss, values, output, target, n = self:_forward(batch)
    local group, share = self._pending, backward(self, loss, n)
    self.lastLoss = number("the loss", loss)
    group.loss = group.loss + self.lastLoss * share
    self:_count(self._sums, self.lastLoss, values, n)
    self:_measure(output, target)
    if group.count >= self.accumulate or self.batch == self.batches then self:_update() end
    self:_emit("batchEnd", self.lastLoss, batch)
  end
end
