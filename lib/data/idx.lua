-- idx: files in the format of MNIST.

local torch = require "torch"
local idx = require "data._idx"
local paths = require "paths"
local raise = require("torch.caller").raise

local data = {}

--- data.idx(path [, limit])
--
-- Reads an IDX file, plain or compressed by gzip.
--
-- path: name of the file
-- limit: number: a file that says it holds more bytes is an error; 4 GiB by default
-- Returns: a tensor of the type and shape that the file says: Byte, Char, Short, Int, Float or Double
-- Errors: the file is missing, damaged or cut short
-- From: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998
-- Example:
--   file = io.open("a.idx", "wb")
--   file:write("\0\0\8\1\0\0\0\2\5\6")
--   file:close()
--   data.idx("a.idx"):sum() --> 11
function data.idx(path, limit)
  if type(path) ~= "string" then raise("data.idx: a file name expected, got %s", type(path)) end
  return idx.read(path, limit)
end

local function find(folder, name)
  for _, ending in ipairs { ".gz", "" } do
    local path = folder .. "/" .. name .. ending
    if paths.filep(path) then return path end
  end
  raise("data.mnist: %s/%s.gz: there is no such file, nor one without .gz", folder, name)
end

-- One half of the set.
local function read_half(folder, name)
  local image_file, label_file = find(folder, name .. "-images-idx3-ubyte"),
    find(folder, name .. "-labels-idx1-ubyte")
  local images, labels = data.idx(image_file), data.idx(label_file)
  if images:dim() ~= 3 or torch.type(images) ~= "torch.ByteTensor" then
    raise("data.mnist: %s: not images of bytes", image_file)
  end
  if labels:dim() ~= 1 or torch.type(labels) ~= "torch.ByteTensor" then
    raise("data.mnist: %s: not labels", label_file)
  end
  if images:size(1) ~= labels:size(1) then
    raise("data.mnist: %s has %d images, %s has %d labels", image_file, images:size(1), label_file,
      labels:size(1))
  end
  labels = labels:long():add(1)
  if labels:nElement() > 0 and labels:max() > 10 then
    raise("data.mnist: %s: a label above 9", label_file)
  end
  return { data = images, label = labels }
end

--- The digits in a folder that has the four files of MNIST.
--
-- folder: string
-- Returns: a table { train = { data, label }, test = { data, label } }: data is a ByteTensor of
--   n x 28 x 28; label a LongTensor of classes 1 to 10, the digit plus one
-- Errors: a file is missing or damaged
-- From: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998
-- Example:
--   pcall(data.mnist, "nowhere") == false --> true
function data.mnist(folder)
  if type(folder) ~= "string" then raise("data.mnist: a folder expected, got %s", type(folder)) end
  if not paths.dirp(folder) then raise("data.mnist: %s: there is no such folder", folder) end
  return { train = read_half(folder, "train"), test = read_half(folder, "t10k") }
end

return data
