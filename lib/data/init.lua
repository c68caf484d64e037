-- data: data sets, from files to batches.

local data = {}

-- Each file gives a table of the names that it adds.
local files = {
  "csv", "idx", "Dataset", "Stream", "samplers", "collate", "DataLoader",
  "Vocabulary", "Tokenizer", "CharTokenizer", "WordTokenizer", "BPETokenizer",
  "TextDataset", "TextFile", "ImageList", "mapped",
}

for _, file in ipairs(files) do
  for name, value in pairs(require("data." .. file)) do data[name] = value end
end

return data
