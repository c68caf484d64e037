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

for _, name in ipairs {
  "tape", "arguments", "tables", "initialisers",
  "functional.convolutions", "functional.padding",
  "functional.windows", "functional.pooling", "functional.resampling",
  "Module", "module_tree", "module_parameters", "module_copies", "module_state", "module_hooks",
  "module_summary", "module_check",
  "Container", "Sequential", "Identity", "Lambda",
  "Concat", "DepthConcat", "ConcatTable", "ParallelTable", "MapTable", "Parallel",
  "Decorator", "Bottle", "DontCast",
  "JoinTable", "SplitTable", "SelectTable", "NarrowTable", "FlattenTable", "ZipTable", "ZipTableOneToMany",
  "CAddTable", "CSubTable", "CMulTable", "CDivTable", "CMaxTable", "CMinTable", "CAddTensorTable",
  "DotProduct", "CosineDistance", "PairwiseDistance", "MixtureTable", "MaskedSelect", "Index", "MM", "MV",
  "Linear", "SpatialConvolution",
  "convolution", "padding", "SpatialConvolutionMM", "SpatialDilatedConvolution",
  "SpatialDepthWiseConvolution", "SpatialConvolutionLocal", "SpatialConvolutionMap", "SpatialFullConvolution",
  "SpatialFullConvolutionMap", "SpatialSubSampling",
  "TemporalConvolution", "TemporalRowConvolution", "TemporalSubSampling",
  "VolumetricConvolution", "VolumetricDilatedConvolution", "VolumetricFullConvolution",
  "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "SeparableConv2d",
  "Fold", "Unfold", "PixelShuffle", "PixelUnshuffle", "ChannelShuffle",
  "SpatialReflectionPadding", "SpatialReplicationPadding", "VolumetricReplicationPadding",
  "ZeroPad1d", "ZeroPad2d", "ZeroPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
  "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d",
  "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
  "CircularPad1d", "CircularPad2d", "CircularPad3d",
  "SpatialPooling", "SpatialMaxPooling", "SpatialAveragePooling",
  "SpatialDilatedMaxPooling", "SpatialAdaptiveMaxPooling", "SpatialAdaptiveAveragePooling",
  "VolumetricPooling", "VolumetricMaxPooling", "VolumetricDilatedMaxPooling", "VolumetricAveragePooling",
  "FractionalPooling", "SpatialFractionalMaxPooling", "VolumetricFractionalMaxPooling",
  "TemporalMaxPooling", "TemporalDynamicKMaxPooling", "SpatialLPPooling", "FeatureLPPooling",
  "SpatialMaxUnpooling", "VolumetricMaxUnpooling",
  "SpatialUpSamplingNearest", "SpatialUpSamplingBilinear", "UpSampling",
  "MaxPool", "AvgPool", "LPPool", "AdaptiveMaxPool", "AdaptiveAvgPool", "FractionalMaxPool", "MaxUnpool",
  "Upsample",
  "ReLU", "Tanh", "Sigmoid", "SoftMax", "LogSoftMax",
  "Abs", "Exp", "Log", "Sqrt", "Square", "Power", "HardTanh", "Clamp", "ReLU6", "Threshold",
  "HardShrink", "SoftShrink", "TanhShrink", "ELU", "LeakyReLU", "PReLU", "RReLU", "CReLU",
  "SoftPlus", "SoftSign", "SoftMin", "LogSigmoid", "SpatialSoftMax", "SpatialLogSoftMax",
  "GatedLinearUnit", "GradientReversal",
  "Add", "CAdd", "AddConstant", "Mul", "CMul", "MulConstant", "Bilinear", "Cosine", "Euclidean",
  "WeightedEuclidean",
  "Dropout", "BatchNormalization", "SpatialBatchNormalization",
  "functional.activations", "functional.norm", "functional.dropout", "short_options",
  "VolumetricBatchNormalization", "SpatialCrossMapLRN", "SpatialSubtractiveNormalization",
  "SpatialDivisiveNormalization", "SpatialContrastiveNormalization", "LinearWeightNorm",
  "WeightNorm", "utils.derived", "utils.weightnorm", "utils.spectralnorm",
  "SpatialDropout", "VolumetricDropout", "dropouts",
  "LayerNorm", "RMSNorm", "GroupNorm", "batch_norms", "LocalResponseNorm",
  "GELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "SELU", "CELU", "SquaredReLU", "Sin", "Snake",
  "GLU", "ReGLU", "GEGLU", "SwiGLU", "spellings", "ScaleShift", "Flatten", "Unflatten",
  "functional.attention", "ModuleList", "ModuleDict", "KeyValueCache", "RotaryEmbedding",
  "SinusoidalPositions", "LearnedPositions", "MultiHeadAttention", "transformer_layers",
  "TransformerEncoderLayer", "TransformerDecoderLayer",
  "TransformerEncoder", "TransformerDecoder", "Transformer",
  "View", "Reshape", "Narrow", "Select", "Squeeze", "Unsqueeze", "Transpose", "Replicate", "Contiguous",
  "Copy", "Padding", "SpatialZeroPadding", "Collapse", "Constant",
  "Max", "Min", "Sum", "Mean", "Normalize", "LayerNormalization", "WhiteNoise", "L1Penalty", "ZeroGrad",
  "RNNBase", "RNN", "LSTM", "GRU", "RNNCellBase", "RNNCell", "LSTMCell", "GRUCell", "utils.rnn",
  "Criterion", "ClassNLLCriterion", "CrossEntropyCriterion", "MSECriterion",
  "AbsCriterion", "SmoothL1Criterion", "BCECriterion", "DistKLDivCriterion",
  "MarginCriterion", "SoftMarginCriterion", "HingeEmbeddingCriterion", "L1Cost",
  "L1HingeEmbeddingCriterion", "CosineEmbeddingCriterion", "MarginRankingCriterion",
  "DistanceRatioCriterion", "MultiMarginCriterion", "MultiLabelMarginCriterion",
  "MultiLabelSoftMarginCriterion", "WeightedMSECriterion", "SpatialAutoCropMSECriterion",
  "SpatialClassNLLCriterion", "ClassSimplexCriterion", "MultiCriterion", "ParallelCriterion",
  "ModuleCriterion", "CriterionTable",
  "utils", "Jacobian", "hessian", "StochasticGradient", "OneHot", "Maxout", "PrintSize", "NaN",
  "Profile", "Convert", "GPU", "Kmeans", "embedding", "LookupTable", "Embedding", "EmbeddingBag",
  "PartialLinear", "SparseLinear", "IndexLinear", "reduction", "CrossEntropyLoss", "NLLLoss", "BCELoss",
  "BCEWithLogitsLoss", "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "KLDivLoss", "PoissonNLLLoss",
  "GaussianNLLLoss", "HingeEmbeddingLoss", "MarginRankingLoss", "CosineEmbeddingLoss",
  "TripletMarginLoss", "TripletMarginWithDistanceLoss", "MultiMarginLoss", "MultiLabelMarginLoss",
  "MultiLabelSoftMarginLoss", "SoftMarginLoss", "FocalLoss", "InfoNCELoss", "DiceLoss", "CTCLoss",
} do
  require("nn." .. name)(nn, torch)
end

for name, class in pairs(torch._metatables) do
  if name:find("^nn%.") and class._guard then nn.Module._guard(class) end
end

return nn
