-- TemporalDynamicKMaxPooling.lua: the largest k frames of a sequence, for each feature.

return function(nn, torch)
  local TemporalDynamicKMaxPooling, parent = torch.class("nn.TemporalDynamicKMaxPooling", "nn.Module")

  --- nn.TemporalDynamicKMaxPooling(minK [, factor])
  --
  -- For each feature of a sequence its k largest values, in their order; k is the larger of minK and
  -- ceil(factor frames).
  --
  -- minK: number
  -- factor: number, 0 by default
  -- Returns: a module; its input is (batch x) frames x features
  -- Errors: the sequence is shorter than k
  -- From: Kalchbrenner, Grefenstette and Blunsom, "A convolutional neural network for modelling
  --   sentences", ACL 2014
  -- Example:
  --   nn.TemporalDynamicKMaxPooling(2):forward(torch.Tensor { 3, 1, 2 }:view(3, 1))[2][1] --> 2.0
  function TemporalDynamicKMaxPooling:__init(minK, factor)
    parent.__init(self)
    self.minK, self.factor = minK, factor or 0
  end

  function TemporalDynamicKMaxPooling:updateOutput(input)
    nn._arguments.tensor(self, input, 2, 3)
    local dim = input:dim() - 1
    local k = math.max(self.minK, math.ceil(self.factor * input:size(dim)))
    if k > input:size(dim) then
      nn._arguments.fail(self, "the input of %s has fewer than %d frames", nn._arguments.shape(input), k)
    end
    local _, places = torch.sort(input:detach(), dim, true)
    self.indices = torch.sort(places:narrow(dim, 1, k), dim)
    return torch.gather(input, dim, self.indices)
  end

  function TemporalDynamicKMaxPooling:clearState()
    if self.indices then self.indices = torch.LongTensor() end
    return parent.clearState(self)
  end
end
