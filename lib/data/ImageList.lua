-- ImageList: pictures from files, with what they show.

local torch = require "torch"
local paths = require "paths"
local system = require "paths._system"
local samples = require "data.samples"
local raise = require("torch.caller").raise
require "data.Dataset"

local data = {}

-- ---- finding files --------------------------------------------------------------------------------

local function listing(fn, folder)
  local names, message = system.list(folder)
  if not names then raise("%s: %s", fn, message) end
  table.sort(names)
  return names
end

-- Adds the pictures below a folder, in the order of their names.
local function find_pictures(fn, folder, endings, found)
  for _, name in ipairs(listing(fn, folder)) do
    local path, ending = folder .. "/" .. name, name:match("%.([^.]+)$")
    if name:sub(1, 1) == "." then
      goto continue
    elseif paths.dirp(path) then
      if not system.islink(path) then find_pictures(fn, path, endings, found) end
    elseif ending and endings[ending:lower()] then
      found[#found + 1] = path
    end
    ::continue::
  end
  return found
end

-- The endings as a set.
local function endings_of(list)
  local endings = {}
  for _, ending in ipairs(list or { "png", "jpg", "jpeg", "ppm", "pgm" }) do
    endings[ending:lower():gsub("^%.", "")] = true
  end
  return endings
end

local function class_folders(fn, folder)
  local classes = {}
  for _, name in ipairs(listing(fn, folder)) do
    if name:sub(1, 1) ~= "." and paths.dirp(folder .. "/" .. name) then classes[#classes + 1] = name end
  end
  if #classes == 0 then raise("%s: %s has no folders, one of which would be a class", fn, folder) end
  return classes
end

local function set_of(list)
  local set = {}
  for i, item in ipairs(list) do set[item] = i end
  return set
end

-- ---- lists ------------------------------------------------------------------------------------------

local ImageList = torch.class("data.ImageList", "data.Dataset", data)

local reading = { transform = true, targetTransform = true, load = true, depth = true, skip = true }

local function known(...)
  local all = set_of { ... }
  for name in pairs(reading) do all[name] = true end
  return all
end

-- The paths and targets of a table of text.
local function read_table(fn, path, options)
  local columns, names = require("data.csv").csv(path, { tensor = false })
  local files = columns[options.path or names[1]]
  local targets = columns[options.class or names[2]]
  if type(files) ~= "table" then raise("%s: %s: no column of file names", fn, path) end
  if not targets then raise("%s: %s: no column of classes", fn, path) end
  local list = {}
  for i, file in ipairs(files) do list[i] = { file, targets[i] } end
  return list
end

local function read_folder(fn, folder, options)
  local list = {}
  for i, path in ipairs(find_pictures(fn, folder, endings_of(options.extensions), {})) do
    list[i] = { path, i }
  end
  return list
end

-- Names of classes become numbers, in the order of the names unless there is one.
local function number_classes(self, fn, classes)
  if not classes then
    local seen = {}
    classes = {}
    for _, target in ipairs(self.targets) do
      if type(target) == "string" and not seen[target] then
        classes[#classes + 1], seen[target] = target, true
      end
    end
    table.sort(classes)
  end
  self.classes, self.classToIndex = classes, set_of(classes)
  for i, target in ipairs(self.targets) do
    if type(target) == "string" then
      self.targets[i] = self.classToIndex[target]
        or raise("%s: %s: there is no class '%s'", fn, self.paths[i], target)
    end
  end
end

-- Leaves out the files that cannot be read.
local function drop_bad(self)
  local look = self.load or require("image").getSize
  local good, targets = {}, {}
  self.skipped = {}
  for i, path in ipairs(self.paths) do
    local ok, message = pcall(look, path)
    if ok then
      good[#good + 1], targets[#good + 1] = path, self.targets[i]
    else
      self.skipped[#self.skipped + 1] = { path = path, message = tostring(message) }
    end
  end
  self.paths, self.targets = good, targets
end

local function set_reading(self, options)
  self.transform, self.targetTransform, self.load = options.transform, options.targetTransform, options.load
  self.depth = options.depth or 3
  if options.skip then drop_bad(self) end
end

--- data.ImageList(list [, options])
--
-- Pictures from files: sample i is { picture, target }.
--
-- list: a list of { path, target }; or the name of a table of text that data.csv reads, with a column of
--   paths and one of targets; or a folder's name, for all pictures in it and below, whose targets are their
--   numbers in set.paths.  Targets that are strings are names of classes and become numbers from 1
-- options: a table, all its fields optional:
--   root: the folder that paths are relative to
--   path, class: the names of the table's columns; by default the first and the second
--   classes: a list of the classes' names in order; by default they are sorted
--   extensions: of a folder's files, as for data.ImageFolder
--   transform, targetTransform, load, depth, skip: as for data.ImageFolder
-- Returns: a data set with the fields paths, targets, classes and classToIndex
-- Errors: as data.ImageFolder
-- Example:
--   image.save("a.png", torch.ones(3, 2, 2))
--   io.open("list.csv", "w"):write("file,label\na.png,cat\n"):close()
--   set = data.ImageList("list.csv")
--   set:get(1)[1]:sum(), set:get(1)[2], set.classes[1] --> 12.0 1 cat
function ImageList:__init(list, options)
  if list == nil then return end -- a class below
  local fn = "data.ImageList"
  options = samples.options(fn, options, known("root", "path", "class", "classes", "extensions"))
  if type(list) == "string" then
    list = paths.dirp(list) and read_folder(fn, list, options) or read_table(fn, list, options)
  end
  if type(list) ~= "table" then raise("%s: a list or a name expected, got %s", fn, torch.type(list)) end
  self.paths, self.targets = {}, {}
  for i, entry in ipairs(list) do
    if type(entry) ~= "table" or type(entry[1]) ~= "string" or entry[2] == nil then
      raise("%s: entry %d is no { path, target }", fn, i)
    end
    local relative = options.root and entry[1]:sub(1, 1) ~= "/"
    self.paths[i] = relative and options.root .. "/" .. entry[1] or entry[1]
    self.targets[i] = entry[2]
  end
  number_classes(self, fn, options.classes)
  set_reading(self, options)
end

--- data.ImageList:size(); data.ImageList:get(i)
--
-- How many pictures there are; the i-th.
--
-- i: 1 to size()
-- Returns: get: a table { picture, target }
-- Errors: i lies outside; the file is damaged or has vanished
-- Example:
--   image.save("a.png", torch.ones(3, 2, 2))
--   data.ImageList({ { "a.png", 7 } }):get(1)[2] --> 7
function ImageList:size()
  return #self.paths
end

local function load_picture(self, path)
  if self.load then return self.load(path) end
  return require("image").load(path, self.depth, "float")
end

function ImageList:get(i)
  local at = samples.place(self, i)
  local path, target = self.paths[at], self.targets[at]
  local ok, picture = pcall(load_picture, self, path)
  if not ok then
    picture = tostring(picture)
    local named = picture:find(path, 1, true)
    raise("%s: sample %d: %s", torch.type(self), at, named and picture or path .. ": " .. picture)
  end
  if self.transform then picture = self.transform(picture) end
  if self.targetTransform then target = self.targetTransform(target) end
  return { picture, target }
end

-- ---- folders ----------------------------------------------------------------------------------------

local ImageFolder, parent = torch.class("data.ImageFolder", "data.ImageList", data)

--- data.ImageFolder(folder [, options])
--
-- Pictures in folders, one a class: folder/cat/1.png and folder/cat/more/2.png are of class "cat".  Classes
-- and files are in the order of their names' bytes; hidden ones are left out.  Sample i is { picture,
-- class }, a FloatTensor of channels x height x width with values of 0 to 1, and a number from 1.
--
-- folder: string
-- options: a table, all its fields optional:
--   transform: function that gets the picture and gives what takes its place
--   targetTransform: the same for the class's number
--   load: function that gets a path and gives a picture, in place of image.load
--   depth: 3 for colours, 1 for grey
--   extensions: a list of endings; by default png, jpg, jpeg, ppm and pgm
--   skip: true leaves out files that cannot be read: each one's header is looked at once, at the beginning,
--     or all of it by `load`.  They are in set.skipped, a list of { path, message }
--   allowEmpty: true allows classes without pictures
-- Returns: a data set with the fields paths, targets, classes (names in order) and classToIndex
-- Errors: there is no such folder, or none in it; later: a file is damaged or has vanished, which the message
--   names
-- From: PyTorch's torchvision
-- Example:
--   for _, name in ipairs { "cat", "dog" } do
--     paths.mkdir("pets/" .. name, true)
--     image.save("pets/" .. name .. "/1.png", torch.zeros(3, 4, 4))
--   end
--   set = data.ImageFolder("pets", { transform = function(x) return image.scale(x, 2, 2) end })
--   set:size(), set:get(2)[2], set.classes[2], set:get(1)[1]:nElement() --> 2 2 dog 12
function ImageFolder:__init(folder, options)
  parent.__init(self)
  local fn = "data.ImageFolder"
  if type(folder) ~= "string" then raise("%s: a folder's name expected, got %s", fn, torch.type(folder)) end
  options = samples.options(fn, options, known("extensions", "allowEmpty"))
  local endings = endings_of(options.extensions)
  self.folder, self.classes = folder, class_folders(fn, folder)
  self.paths, self.targets, self.classToIndex = {}, {}, set_of(self.classes)
  for class, name in ipairs(self.classes) do
    local found = find_pictures(fn, folder .. "/" .. name, endings, {})
    if #found == 0 and not options.allowEmpty then
      raise("%s: class '%s' has no pictures; { allowEmpty = true } allows that", fn, name)
    end
    for _, path in ipairs(found) do
      self.paths[#self.paths + 1], self.targets[#self.targets + 1] = path, class
    end
  end
  set_reading(self, options)
end

return data
