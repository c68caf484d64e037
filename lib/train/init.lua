-- train: the loop that trains a model, what happens around it, and what is measured meanwhile.

local torch = require "torch"

local train = {}

-- torch.class finds the package by this name.
package.loaded.train = train

for _, file in ipairs { "Callback", "Checkpoint", "EarlyStopping", "ProgressBar", "monitors", "GradScaler",
  "MixedPrecision", "metrics", "metrics_classes", "metrics_ranking", "metrics_regression", "Trainer", "fit",
  "step", "evaluate", "state" } do
  require("train." .. file)(train, torch)
end

return train
