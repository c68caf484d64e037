-- better: whether larger values of a metric are the better ones, as far as its name tells.

-- Anywhere in the name; as a word of the name, which a number may follow.
local parts = { "accuracy", "precision", "recall", "reward", "score", "bleu", "psnr", "ssim" }
local words = { acc = true, auc = true, auroc = true, f1 = true, iou = true, miou = true, map = true,
  r2 = true, ["return"] = true, top = true }

-- "valAcc" is taken as it is, for "mIoU", and as "val acc".
return function(name)
  local both = name:lower() .. " " .. name:gsub("(%l)(%u)", "%1 %2"):lower()
  for _, part in ipairs(parts) do
    if both:find(part, 1, true) then return true end
  end
  for word in both:gmatch "%w+" do
    if words[word] or words[word:match "^%a*"] then return true end
  end
  return false
end
