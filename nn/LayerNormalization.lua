-- LayerNormalization.lua: Torch7's nn.LayerNormalization, made of simple modules.

return function(nn, torch)
  local LayerNormalization, parent = torch.class("nn.LayerNormalization", "nn.Sequential")

  --- nn.LayerNormalization(nOutput [, bias [, eps [, affine]]])
  --
  -- (x - mean) / sqrt(var + eps/nOutput) times a learned gain, which starts as 1, plus a learned bias,
  -- with the mean and the variance of each sample.  (Torch7 takes the means of a batch for those of other
  -- samples.)
  --
  -- nOutput: how many elements a sample has
  -- bias: number that the bias starts as, 0 by default
  -- eps: number, 1e-10 by default
  -- affine: false leaves gain and bias out
  -- Returns: a container; its input and output are (batch x) nOutput
  -- From: Ba, Kiros and Hinton, "Layer normalization", 2016, as in Torch7
  -- Example:
  --   y = nn.LayerNormalization(4):forward(torch.rand(3, 4))
  --   math.abs(y[1]:sum()) < 1e-4 --> true
  function LayerNormalization:__init(nOutput, bias, eps, affine)
    parent.__init(self)
    nOutput = nn._arguments.whole(self, "nOutput", nOutput, nil, 0)
    bias = nn._arguments.number(self, "bias", bias, 0)
    local mean = nn.Sequential():add(nn.Mean(1, 1)):add(nn.Replicate(nOutput, 2))
    self:add(nn.ConcatTable():add(nn.Identity()):add(mean))
    self:add(nn.CSubTable())
    self:add(nn.Normalize(2, eps or 1e-10))
    self:add(nn.MulConstant(math.sqrt(nOutput)))
    if affine ~= false then
      local gain, shift = nn.CMul(nOutput), nn.Add(nOutput, false)
      torch.noGrad(function()
        gain.weight:fill(1)
        shift.bias:fill(bias)
      end)
      self:add(gain):add(shift)
    end
  end
end
