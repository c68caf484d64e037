-- nn: modules and criterions, written on the tape.
--
-- A built-in module writes only updateOutput(input), with differentiable operators.  Module.lua makes
-- the rest of it: module(x) on the tape, and Torch7's forward, backward, updateGradInput,
-- accGradParameters.

local torch = require "torch"

local nn = rawget(_G, "nn") or {}
rawset(_G, "nn", nn) -- as in Torch7; raw, for a prompt that loads packages at their first use
package.loaded.nn = nn

nn.functional = require "nn.functional"

-- What is there from the start, in this order.
for _, name in ipairs {
  "tape", "arguments", "tables", "initialisers", "functional.convolutions", "functional.padding",
  "functional.windows", "functional.pooling", "functional.resampling", "functional.activations",
  "functional.norm", "functional.dropout", "functional.attention", "functional.embedding",
  "functional.pairs", "functional.modules", "convolution", "connections", "Module", "module_tree",
  "module_parameters", "module_copies", "module_state", "module_hooks", "module_summary", "module_check",
  "Container", "Criterion", "reduction",
} do
  require("nn." .. name)(nn, torch)
end

-- The others are loaded when their names are first used.  Files that define what they are named after ..
local files = {}
for name in ([[
  Sequential Identity Lambda Concat DepthConcat ConcatTable ParallelTable MapTable Parallel Decorator
  Bottle DontCast JoinTable SplitTable SelectTable NarrowTable FlattenTable ZipTable ZipTableOneToMany
  CAddTable CSubTable CMulTable CDivTable CMaxTable CMinTable CAddTensorTable DotProduct CosineDistance
  CosineSimilarity PairwiseDistance MixtureTable MaskedSelect Index MM MV Linear
  SpatialConvolution SpatialConvolutionMM
  SpatialDilatedConvolution SpatialDepthWiseConvolution SpatialConvolutionLocal SpatialConvolutionMap
  SpatialFullConvolution SpatialFullConvolutionMap SpatialSubSampling TemporalConvolution
  TemporalRowConvolution TemporalSubSampling VolumetricConvolution VolumetricDilatedConvolution
  VolumetricFullConvolution Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d
  SeparableConv2d Fold Unfold PixelShuffle PixelUnshuffle ChannelShuffle SpatialReflectionPadding
  SpatialReplicationPadding VolumetricReplicationPadding ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d
  ConstantPad2d ConstantPad3d ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d
  ReplicationPad2d ReplicationPad3d CircularPad1d CircularPad2d CircularPad3d SpatialMaxPooling
  SpatialAveragePooling SpatialDilatedMaxPooling SpatialAdaptiveMaxPooling SpatialAdaptiveAveragePooling
  VolumetricMaxPooling VolumetricDilatedMaxPooling VolumetricAveragePooling SpatialFractionalMaxPooling
  VolumetricFractionalMaxPooling TemporalMaxPooling TemporalDynamicKMaxPooling SpatialLPPooling
  FeatureLPPooling SpatialMaxUnpooling VolumetricMaxUnpooling SpatialUpSamplingNearest
  SpatialUpSamplingBilinear UpSampling ReLU Tanh Sigmoid SoftMax LogSoftMax Abs Exp Log Sqrt Square Power
  HardTanh Clamp ReLU6 Threshold HardShrink SoftShrink TanhShrink ELU LeakyReLU PReLU RReLU CReLU SoftPlus
  SoftSign SoftMin LogSigmoid SpatialSoftMax SpatialLogSoftMax GatedLinearUnit GradientReversal Add CAdd
  AddConstant Mul CMul MulConstant Bilinear Cosine Euclidean WeightedEuclidean Dropout BatchNormalization
  SpatialBatchNormalization VolumetricBatchNormalization SpatialCrossMapLRN
  SpatialSubtractiveNormalization SpatialDivisiveNormalization SpatialContrastiveNormalization
  LinearWeightNorm WeightNorm SpatialDropout VolumetricDropout LayerNorm RMSNorm GroupNorm GELU Mish
  Hardswish Hardsigmoid SELU CELU SquaredReLU Sin Snake GLU ReGLU GEGLU SwiGLU ScaleShift Flatten
  Unflatten ModuleList KeyValueCache RotaryEmbedding LearnedPositions TransformerEncoderLayer
  TransformerDecoderLayer TransformerEncoder TransformerDecoder Transformer View Reshape Narrow Select
  Squeeze Unsqueeze Transpose Replicate Contiguous Copy Padding SpatialZeroPadding Collapse Constant Max
  Min Sum Mean Normalize LayerNormalization WhiteNoise L1Penalty ZeroGrad RNNBase RNN LSTM GRU RNNCellBase
  RNNCell LSTMCell GRUCell ClassNLLCriterion CrossEntropyCriterion MSECriterion AbsCriterion
  SmoothL1Criterion BCECriterion DistKLDivCriterion MarginCriterion SoftMarginCriterion
  HingeEmbeddingCriterion L1Cost L1HingeEmbeddingCriterion CosineEmbeddingCriterion MarginRankingCriterion
  DistanceRatioCriterion MultiMarginCriterion MultiLabelMarginCriterion MultiLabelSoftMarginCriterion
  WeightedMSECriterion SpatialAutoCropMSECriterion SpatialClassNLLCriterion ClassSimplexCriterion
  MultiCriterion ParallelCriterion ModuleCriterion CriterionTable utils hessian StochasticGradient OneHot
  Maxout PrintSize NaN Profile Convert GPU Kmeans LookupTable Embedding EmbeddingBag PartialLinear
  SparseLinear IndexLinear CrossEntropyLoss NLLLoss BCELoss BCEWithLogitsLoss MSELoss L1Loss SmoothL1Loss
  HuberLoss KLDivLoss PoissonNLLLoss GaussianNLLLoss HingeEmbeddingLoss MarginRankingLoss
  CosineEmbeddingLoss TripletMarginLoss TripletMarginWithDistanceLoss MultiMarginLoss MultiLabelMarginLoss
  MultiLabelSoftMarginLoss SoftMarginLoss FocalLoss InfoNCELoss DiceLoss CTCLoss
]]):gmatch "%S+" do files[name] = name end

-- .. and files that define other names.
for file, names in pairs {
  padding = "_padding",
  SpatialPooling = "_pooling",
  VolumetricPooling = "_volumetricPooling",
  FractionalPooling = "_fractionalPooling",
  MaxUnpooling = "_maxUnpooling",
  MaxPool = "MaxPool1d MaxPool2d MaxPool3d",
  AvgPool = "AvgPool1d AvgPool2d AvgPool3d",
  LPPool = "LPPool1d LPPool2d LPPool3d",
  AdaptiveMaxPool = "AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d",
  AdaptiveAvgPool = "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d",
  FractionalMaxPool = "FractionalMaxPool2d FractionalMaxPool3d",
  MaxUnpool = "MaxUnpool1d MaxUnpool2d MaxUnpool3d",
  Upsample = "Upsample UpsamplingBilinear2d UpsamplingNearest2d",
  dropouts = "AlphaDropout DropPath Dropout1d Dropout2d Dropout3d FeatureAlphaDropout",
  batch_norms = "BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d InstanceNorm2d InstanceNorm3d",
  LocalResponseNorm = "LocalResponseNorm CrossMapLRN2d",
  SiLU = "SiLU Swish",
  spellings = [[Hardshrink Hardtanh LogSoftmax Softmax Softmax2d Softmin Softplus Softshrink Softsign
    Tanhshrink]],
  ModuleDict = "ModuleDict ModuleTable",
  SinusoidalPositions = "SinusoidalPositions _addPositions",
  MultiHeadAttention = "MultiHeadAttention MultiheadAttention",
  transformer_layers = "_transformer",
  DataParallelTable = "DataParallelTable DataParallel DataParallelTable.Basic DataParallelTable.Threads",
  Jacobian = "Jacobian SparseJacobian",
  neighbours = "_neighbours",
} do
  for name in names:gmatch "%S+" do files[name] = file end
end

-- Torch7's programs mean the classes of the rock rnn by these names, which it defines where they are free.
if torch._torch7() then files.LSTM, files.GRU = nil, nil end

local classes = torch._metatables

local function guard(name)
  local class = rawget(classes, "nn." .. name)
  if class and class._guard then class._guard(class) end
end

for name in pairs(nn) do guard(name) end

-- Loads a name's file; one that stops halfway, such as by an interrupt, leaves nothing behind.
local function load(name)
  local file, names = files[name], {}
  if not file then return end
  for other, f in pairs(files) do names[#names + 1] = f == file and other or nil end
  for _, other in ipairs(names) do files[other] = nil end
  local ok, why = pcall(function() require("nn." .. file)(nn, torch) end)
  for _, other in ipairs(names) do
    if ok then
      guard(other)
    else
      files[other] = file
      rawset(nn, other, nil)
      rawset(classes, "nn." .. other, nil)
    end
  end
  if not ok then error(why, 0) end
end

local function all()
  while next(files) do load((next(files))) end
end

setmetatable(nn, {
  __index = function(_, name)
    load(name)
    return rawget(nn, name)
  end,
  __pairs = function()
    all()
    return next, nn
  end,
  __methods = files, -- names for the prompt's completion
})

-- Classes by their full names: parents, and what torch.load finds in files.
local registry = getmetatable(classes)
local elsewhere = registry.__index
function registry.__index(_, name)
  if type(name) == "string" and name:sub(1, 3) == "nn." then
    load(name:sub(4))
    return rawget(classes, name)
  end
  return elsewhere(classes, name)
end

return nn
