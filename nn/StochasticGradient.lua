-- StochasticGradient.lua: training, one example after the other.

return function(_, torch)
  local StochasticGradient = torch.class("nn.StochasticGradient")

  --- nn.StochasticGradient(module, criterion)
  -- nn.StochasticGradient:train(dataset)
  --
  -- Stochastic gradient descent with one example a step.  Its fields may be changed before train:
  -- learningRate (0.01), learningRateDecay (0; the rate of iteration i > 1 is learningRate /
  -- (1 + i * learningRateDecay)), maxIteration (25; 0 goes on for ever), shuffleIndices (true), verbose
  -- (true), hookExample (function of trainer and example, called after each) and hookIteration (function of
  -- trainer, iteration and mean loss, called after each pass).
  --
  -- module: nn.Module
  -- criterion: nn.Criterion
  -- dataset: table of examples {input, target} with dataset:size()
  -- Returns: a trainer
  -- From: Torch7
  -- Example:
  --   trainer = nn.StochasticGradient(nn.Linear(1, 1), nn.MSECriterion())
  --   trainer.learningRate, trainer.maxIteration --> 0.01 25
  function StochasticGradient:__init(module, criterion)
    self.learningRate = 0.01
    self.learningRateDecay = 0
    self.maxIteration = 25
    self.shuffleIndices = true
    self.module = module
    self.criterion = criterion
    self.verbose = true
  end

  -- One step; gives the loss before it.
  function StochasticGradient:_step(example, rate)
    local input, target = example[1], example[2]
    local loss = self.criterion:forward(self.module:forward(input), target)
    local gradient = self.criterion:updateGradInput(self.module.output, target)
    self.module:updateGradInput(input, gradient)
    self.module:accUpdateGradParameters(input, gradient, rate)
    return loss
  end

  function StochasticGradient:train(dataset)
    local function say(...)
      if self.verbose then print(...) end
    end
    local n, iteration, rate = dataset:size(), 1, self.learningRate
    if n == 0 then error("nn.StochasticGradient:train: the data set is empty", 2) end
    local order = self.shuffleIndices and torch.randperm(n) or torch.range(1, n)
    say("# StochasticGradient: training")
    repeat
      local total = 0
      for t = 1, n do
        local example = dataset[math.tointeger(order[t])]
        total = total + self:_step(example, rate)
        if self.hookExample then self.hookExample(self, example) end
      end
      local mean = total / n
      if self.hookIteration then self.hookIteration(self, iteration, mean) end
      say("# current error = " .. mean)
      iteration = iteration + 1
      rate = self.learningRate / (1 + iteration * self.learningRateDecay)
      local done = self.maxIteration > 0 and iteration > self.maxIteration
      if done then
        say("# StochasticGradient: you have reached the maximum number of iterations")
        say("# training error = " .. mean)
      end
    until done
  end
end
