-- loading.lua: data.*: batches of pictures from a loader with two workers.

local data = require "data"
local image = require "image"
local numbers = require "bench_workloads.numbers"

local COUNT, BATCH, WORKERS = 60000, 64, 2
local MEAN, STD = 0.1307, 0.3081

-- The digits as PNG files in memory, 60,000 of them whatever the folder has, and their labels.
local function digits()
  local set = data.mnist(numbers.data).train
  local files, n = {}, set.data:size(1)
  for i = 1, math.min(n, COUNT) do files[i] = image.compressPNG(set.data[i]) end
  for i = n + 1, COUNT do files[i] = files[(i - 1) % n + 1] end
  return files, set.label, n
end

-- An epoch: each picture is decoded, turned by up to 15 degrees and moved by up to two pixels.
local function mnist_augment()
  local files, labels, n = digits()
  local change = image.transforms.RandomAffine(15, { translate = { 0.1, 0.1 } })
  local set = data.Dataset { size = COUNT, get = function(i)
    return { change(image.decompressPNG(files[i], nil, "byte")), labels[(i - 1) % n + 1] }
  end }
  local function collate(samples)
    local batch = data.collate(samples)
    batch[1] = batch[1]:float():div(255):add(-MEAN):div(STD)
    return batch
  end
  local loader = data.DataLoader(set, {
    batchSize = BATCH, shuffle = true, workers = WORKERS, collate = collate,
  })
  return function()
    local count = 0
    for batch in loader:batches() do count = count + batch[1]:size(1) end
    assert(count == COUNT)
  end
end

return function(workloads)
  workloads.add("data.mnist_augment", { build = mnist_augment })
end
