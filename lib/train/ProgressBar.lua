-- ProgressBar: how far the training is: a bar on a terminal, a plain line an epoch elsewhere.

local xlua = require "xlua"
local clock = require "torch._clock"
local terminal = require "xlua._terminal"
local options = require "torch.options"

local function number_text(x)
  if math.type(x) ~= "float" then return tostring(x) end
  local size = math.abs(x)
  return ((size >= 1e-3 and size < 1e4 or size == 0) and "%.4f" or "%.3g"):format(x)
end

-- "loss 0.1234  accuracy 0.9": the loss first, then by name.
local function values_text(values)
  local names, parts = {}, {}
  for name, value in pairs(values) do
    if type(value) == "number" and value == value then names[#names + 1] = name end
  end
  table.sort(names, function(a, b)
    if (a == "loss") ~= (b == "loss") then return a == "loss" end
    return a < b
  end)
  for i, name in ipairs(names) do parts[i] = name .. " " .. number_text(values[name]) end
  return table.concat(parts, "  ")
end

return function(train, torch)
  local ProgressBar = torch.class("train.ProgressBar", "train.Callback", train)

  --- train.ProgressBar([options])
  --
  -- Shows how far each epoch is, how fast, the time left and the means so far: in one line on a terminal.
  -- Elsewhere it prints a line an epoch.  A trainer has one unless progress = false.
  --
  -- options: table of live: true or false overrules what the standard output is
  -- Returns: a callback
  -- Errors: an option does not exist or is of another type
  -- Example:
  --   train.ProgressBar({ live = false }).live --> false
  function ProgressBar:__init(given)
    local o = options.read("train.ProgressBar", given, { live = "boolean" })
    self.live = o.live
  end

  local function title(trainer)
    local of = trainer.lastOf and "/" .. trainer.lastOf or ""
    return ("epoch %d%s"):format(trainer.epoch, of)
  end

  function ProgressBar:fitBegin()
    if self.live == nil then self.live = terminal.isatty() end
  end

  function ProgressBar:epochBegin(trainer)
    self.started, self.first, self.drawn = clock.now(), trainer.batch, 0
    self.bar = self.live and trainer.batches and xlua.Progress(trainer.batches, title(trainer)) or nil
    if self.bar then
      self.bar.live, self.bar.first, self.bar.seen = true, trainer.batch, trainer.batch
    end
  end

  -- The bar's last step is left to epochEnd, which knows the validation too.
  function ProgressBar:batchEnd(trainer)
    local now = clock.now()
    if not self.live or now - self.drawn < 0.1 then return end
    self.drawn = now
    local values = trainer:_means(true)
    if self.bar then
      if trainer.batch < self.bar.total then self.bar:update(trainer.batch, values_text(values)) end
    else
      io.write(("\r%s  %d  %.3g/s  %s\27[K"):format(title(trainer), trainer.batch,
        (trainer.batch - self.first) / (now - self.started), values_text(values)))
      io.flush()
    end
  end

  function ProgressBar:epochEnd(trainer, values)
    if self.bar then
      self.bar.current = trainer.batch
      self.bar:finish(values_text(values))
      self.bar = nil
      return
    end
    local seconds = clock.now() - self.started
    local n = trainer.batch - self.first
    io.write(("%s%s: %d batches in %s, %.3g/s  %s%s\n"):format(self.live and "\r" or "", title(trainer),
      trainer.batch, xlua.formatTime(seconds), n / math.max(seconds, 1e-9), values_text(values),
      self.live and "\27[K" or ""))
    io.flush()
    self.started = nil
  end

  -- An epoch that was left early still ends its line.
  function ProgressBar:fitEnd(trainer)
    if self.bar then self.bar:finish() elseif self.live and trainer.inside then io.write("\n") end
    self.bar = nil
    if trainer.stopping and trainer.stopReason then io.write("stopped: ", trainer.stopReason, "\n") end
    io.flush()
  end

  function ProgressBar:error()
    if self.live then io.write("\n") end
    self.bar = nil
  end
end
