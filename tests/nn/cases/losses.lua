-- losses: the losses of which PyTorch has the like.  Each: the name in golden/losses.npz, the class, its
-- options, and a function from PyTorch's target to ours; `pair` says that the classic protocol takes the
-- inputs as a table.
local torch = require "torch"

local function from_one(t) return t + 1 end
local function w() return torch.Tensor { 0.5, 1, 2 }:double() end

return {
  { "ce", "CrossEntropyLoss", nil, from_one },
  { "ce weight", "CrossEntropyLoss", { weight = w() }, from_one },
  { "ce ignore", "CrossEntropyLoss", { weight = w(), ignoreIndex = 3 }, from_one },
  { "ce smooth", "CrossEntropyLoss", { labelSmoothing = 0.2 }, from_one },
  { "ce smooth weight", "CrossEntropyLoss", { weight = w(), labelSmoothing = 0.2, ignoreIndex = 1 },
    from_one },
  { "ce probabilities", "CrossEntropyLoss", { weight = w(), labelSmoothing = 0.1 } },
  { "ce image", "CrossEntropyLoss", { weight = w() }, from_one },
  { "ce image probabilities", "CrossEntropyLoss" },
  { "ce one", "CrossEntropyLoss", nil, from_one },
  { "nll", "NLLLoss", nil, from_one },
  { "nll weight", "NLLLoss", { weight = w(), ignoreIndex = 2 }, from_one },
  { "nll image", "NLLLoss", { weight = w() }, from_one },
  { "bce", "BCELoss" },
  { "bce weight", "BCELoss", { weight = w() } },
  { "bce logits", "BCEWithLogitsLoss" },
  { "bce logits weight", "BCEWithLogitsLoss", { weight = w(), posWeight = w() * 3 } },
  { "mse", "MSELoss" },
  { "l1", "L1Loss" },
  { "smooth l1", "SmoothL1Loss", { beta = 0.5 } },
  { "huber", "HuberLoss", { delta = 0.7 } },
  { "kl", "KLDivLoss" },
  { "kl log", "KLDivLoss", { logTarget = true } },
  { "poisson", "PoissonNLLLoss" },
  { "poisson full", "PoissonNLLLoss", { logInput = false, full = true } },
  { "gauss", "GaussianNLLLoss" },
  { "gauss row", "GaussianNLLLoss", { full = true } },
  { "gauss few", "GaussianNLLLoss" },
  { "hinge embedding", "HingeEmbeddingLoss", { margin = 0.8 } },
  { "margin ranking", "MarginRankingLoss", { margin = 0.3 }, pair = true },
  { "cosine embedding", "CosineEmbeddingLoss", { margin = 0.1 }, pair = true },
  { "triplet", "TripletMarginLoss", nil, pair = true },
  { "triplet swap", "TripletMarginLoss", { p = 3, swap = true, margin = 2 }, pair = true },
  { "triplet distance", "TripletMarginWithDistanceLoss", { swap = true, distanceFunction = function(a, b)
    return torch.abs(a - b):sum(2):view(-1)
  end }, pair = true },
  { "multi margin", "MultiMarginLoss", nil, from_one },
  { "multi margin weight", "MultiMarginLoss", { p = 2, margin = 0.5, weight = w() }, from_one },
  { "multilabel margin", "MultiLabelMarginLoss", nil, from_one },
  { "multilabel soft", "MultiLabelSoftMarginLoss", { weight = w() } },
  { "soft margin", "SoftMarginLoss" },
}
