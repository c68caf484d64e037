-- TemporalMaxPooling.lua: the maximum of each window of a sequence, for each feature.

return function(nn, torch)
  local TemporalMaxPooling, parent = torch.class("nn.TemporalMaxPooling", "nn.Module")

  --- nn.TemporalMaxPooling(kW [, dW])
  --
  -- The maximum of each window of a sequence, for each feature.
  --
  -- kW: frames of a window
  -- dW: how far apart the windows are; kW by default
  -- Returns: a module; its input is (batch x) frames x features, its output has (frames - kW) / dW + 1 frames
  -- Errors: the sequence is shorter than a window
  -- From: Torch7
  -- Example:
  --   nn.TemporalMaxPooling(2, 1):forward(torch.range(1, 6):view(3, 2)):sum() --> 18.0
  function TemporalMaxPooling:__init(kW, dW)
    parent.__init(self)
    self.kW, self.dW = kW, dW or kW
  end

  function TemporalMaxPooling:updateOutput(input)
    nn._arguments.tensor(self, input, 2, 3)
    local image = torch.unsqueeze(input, -3)
    local output, places = nn._pool.max2d(image, 1, self.kW, 1, self.dW, 0, 0, false, true)
    self.indices = torch.squeeze(places, -3)
    return torch.squeeze(output, -3)
  end

  function TemporalMaxPooling:clearState()
    if self.indices then self.indices = torch.LongTensor() end
    return parent.clearState(self)
  end
end
