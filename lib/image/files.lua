-- files: pictures from files and from bytes in memory, and back.

return function(image)
  local torch = require "torch"
  local codec = require "image._codec"
  local common = require "image.common"
  local raise = common.raise

  local types = { byte = "uint8", float = "float32", double = "float64" }

  -- The arguments depth, tensortype, options of the functions that read.
  local function check_reading(fn, depth, tensortype, options)
    if depth ~= nil and depth ~= 1 and depth ~= 3 then
      raise("%s: the depth is %s, wanted 1 or 3", fn, tostring(depth))
    end
    if tensortype ~= nil and not types[tensortype] then
      raise("%s: there is no type '%s', wanted byte, float or double", fn, tostring(tensortype))
    end
    local limit = options and options.limit
    if options ~= nil and type(options) ~= "table" or limit ~= nil and not math.tointeger(limit) then
      raise("%s: the options are { limit = number of bytes }", fn)
    end
    return math.tointeger(limit)
  end

  -- A picture of `depth` channels.  As in Torch7, one of colours becomes one of height x width.
  local function to_depth(fn, img, depth)
    local channels = img:size(1)
    if depth == 1 and channels >= 3 then
      return image.rgb2y(img:narrow(1, 1, 3))[1]
    elseif depth == 1 and channels == 2 or depth == 3 and channels == 4 then
      return img:narrow(1, 1, depth):contiguous()
    elseif depth == 3 and channels == 1 then
      return img:expand(3, img:size(2), img:size(3)):contiguous()
    elseif depth == 3 and channels == 2 then
      raise("%s: two channels can't become three", fn)
    end
    return img
  end

  local function read(fn, format, source, depth, tensortype, options)
    local limit = check_reading(fn, depth, tensortype, options)
    local img, max = codec.read(fn, format, source, limit)
    if tensortype == "byte" then
      if max == 65535 then
        img = img:div(256):byte() -- the high byte
      elseif max ~= 255 then
        img = (img:int() * 255):div(max):byte()
      end
    else
      img = img:to(types[tensortype] or torch.Tensor().dtype):div(max)
    end
    return to_depth(fn, img, depth)
  end

  local function check_path(fn, path)
    if type(path) ~= "string" then raise("%s: a file name expected, got %s", fn, torch.type(path)) end
    return path
  end

  local function check_bytes(fn, bytes)
    if torch.type(bytes) ~= "torch.ByteTensor" then
      raise("%s: a ByteTensor expected, got %s", fn, torch.type(bytes))
    end
    return bytes:contiguous()
  end

  -- The format that the first bytes show.
  local function format_of(head)
    if head:find("^\xff\xd8\xff") then return "jpg" end
    if head:find("^\x89PNG") then return "png" end
    if head:find("^P[2356]") then return "ppm" end
    return nil
  end

  local endings = { jpg = "jpg", jpeg = "jpg", png = "png", ppm = "ppm", pgm = "ppm" }

  local function ending_of(path)
    local ending = path:match("%.(%a+)$")
    return ending and endings[ending:lower()], ending
  end

  local function file_format(fn, path)
    check_path(fn, path)
    local file, why = io.open(path, "rb")
    if not file then raise("%s: %s", fn, why) end
    local format = format_of(file:read(4) or "")
    file:close()
    local by_name, ending = ending_of(path)
    format = format or by_name
    if not format and not ending then
      raise("%s: unable to determine image type for file: %s", fn, path)
    elseif not format then
      raise("%s: %s: unknown image type: %s", fn, path, ending)
    end
    return format
  end

  --- image.load(path[, depth[, tensortype[, options]]])
  --
  -- Reads a picture: a PNG, JPEG, PPM or PGM file, whatever its name ends with.
  --
  -- path: name of the file
  -- depth: 1 for grey (of a picture with colours: height x width), 3 for colours; as the file has it by
  --   default
  -- tensortype: "byte" for values of 0 to 255, "float" or "double" for 0 to 1; the default type otherwise
  -- options: table; limit: the most bytes of elements that the picture may have, 1 GiB by default
  -- Returns: a tensor of channels x height x width
  -- Errors: the file is missing, damaged, cut short, of another kind, or larger than the limit
  -- From: Torch7
  -- Example:
  --   image.save("a.png", torch.ByteTensor(3, 2, 4):fill(51))
  --   image.load("a.png", 3, "byte"):sum() --> 1224
  --   image.load("a.png"):max() < 0.21 --> true
  function image.load(path, depth, tensortype, options)
    local format = file_format("image.load", path)
    return read("image.load", format, path, depth, tensortype, options)
  end

  --- image.getSize(path)
  --
  -- The size of a picture, of which only the header is looked at.
  --
  -- path: name of a PNG, JPEG, PPM or PGM file
  -- Returns: a LongTensor of channels, height, width
  -- Errors: as image.load
  -- From: Torch7
  -- Example:
  --   image.save("a.png", torch.zeros(3, 2, 4))
  --   image.getSize("a.png")[3] --> 4
  function image.getSize(path)
    local format = file_format("image.getSize", path)
    return torch.LongTensor { codec.measure("image.getSize", format, path) }
  end

  local function define_reading(name, format)
    image["load" .. name] = function(path, depth, tensortype, options)
      local fn = "image.load" .. name
      return read(fn, format, check_path(fn, path), depth, tensortype, options)
    end
    image["get" .. name .. "size"] = function(path)
      local fn = "image.get" .. name .. "size"
      return codec.measure(fn, format, check_path(fn, path))
    end
  end

  --- image.loadPNG(path[, depth[, tensortype[, options]]])
  -- image.loadJPG(path[, depth[, tensortype[, options]]])
  -- image.loadPPM(path[, depth[, tensortype[, options]]])
  -- image.loadPGM(path[, depth[, tensortype[, options]]])
  --
  -- image.load for files of one kind.  loadPPM and loadPGM are the same function.  A palette's colours become
  -- three channels, four where some are transparent; the inks of a CMYK file become three.
  --
  -- Returns: as image.load
  -- Errors: the file is not of that kind; as image.load
  -- From: Torch7
  -- Example:
  --   image.savePNG("a.png", torch.ones(1, 2, 4))
  --   image.loadPNG("a.png"):sum() --> 8.0

  --- image.getPNGsize(path)
  -- image.getJPGsize(path)
  -- image.getPPMsize(path)
  -- image.getPGMsize(path)
  --
  -- Returns: channels, height, width
  -- Errors: as image.load
  -- From: Torch7
  -- Example:
  --   image.savePNG("a.png", torch.ones(1, 2, 4))
  --   select(3, image.getPNGsize("a.png")) --> 4
  for name, format in pairs { PNG = "png", JPG = "jpg", PPM = "ppm", PGM = "ppm" } do
    define_reading(name, format)
  end

  --- image.decompress(bytes[, depth[, tensortype[, options]]])
  -- image.decompressPNG(bytes[, depth[, tensortype[, options]]])
  -- image.decompressJPG(bytes[, depth[, tensortype[, options]]])
  --
  -- image.load for the contents of a file in a ByteTensor.
  --
  -- bytes: a ByteTensor of a PNG or JPEG file; decompress finds out which
  -- Returns: as image.load
  -- Errors: as image.load
  -- From: Torch7
  -- Example:
  --   bytes = image.compressPNG(torch.ones(1, 2, 4))
  --   image.decompress(bytes):sum() --> 8.0
  function image.decompress(bytes, depth, tensortype, options)
    local fn = "image.decompress"
    bytes = check_bytes(fn, bytes)
    local head = {}
    for i = 1, math.min(4, bytes:nElement()) do head[i] = string.char(bytes:view(-1)[i]) end
    local format = format_of(table.concat(head))
    if format ~= "png" and format ~= "jpg" then raise("%s: neither a PNG nor a JPEG file", fn) end
    return read(fn, format, bytes, depth, tensortype, options)
  end

  for name, format in pairs { PNG = "png", JPG = "jpg" } do
    image["decompress" .. name] = function(bytes, depth, tensortype, options)
      local fn = "image.decompress" .. name
      return read(fn, format, check_bytes(fn, bytes), depth, tensortype, options)
    end
  end

  -- The picture as bytes of channels x height x width.
  local function to_bytes(fn, img)
    common.picture(fn:sub(7), img)
    img = img:detach():to("cpu")
    if img:type() ~= "torch.ByteTensor" then img = torch.clamp(img:double(), 0, 1):mul(255):round():byte() end
    if img:dim() == 2 then img = img:view(1, img:size(1), img:size(2)) end
    return img:contiguous()
  end

  local function check_quality(fn, quality)
    if quality == nil then return 75 end
    if not math.type(quality) or not (quality >= 1 and quality <= 100) then
      raise("%s: the quality is %s, wanted 1 to 100", fn, tostring(quality))
    end
    return math.floor(quality)
  end

  --- image.compressPNG(img)
  -- image.compressJPG(img[, quality])
  --
  -- The contents of a file of the picture.
  --
  -- img: a picture: bytes, or another type with values of 0 to 1; 1 or 3 channels, PNG also 2 or 4 (with
  --   alpha)
  -- quality: 1 to 100, 75 by default
  -- Returns: a ByteTensor
  -- Errors: another number of channels
  -- From: Torch7
  -- Example:
  --   image.compressPNG(torch.ones(1, 2, 4))[2] --> 80
  function image.compressPNG(img)
    return codec.write("image.compressPNG", "png", to_bytes("image.compressPNG", img), 0)
  end

  function image.compressJPG(img, quality)
    local fn = "image.compressJPG"
    return codec.write(fn, "jpg", to_bytes(fn, img), check_quality(fn, quality))
  end

  --- image.save(path, img)
  -- image.savePNG(path, img)
  -- image.saveJPG(path, img[, quality])
  -- image.savePPM(path, img)
  -- image.savePGM(path, img)
  --
  -- Writes a picture.  save goes by the ending of the name: png, jpg, jpeg, ppm or pgm.
  --
  -- path: name of the file
  -- img: a picture: bytes, or another type with values of 0 to 1, which are cut off there and rounded
  -- quality: 1 to 100, 75 by default
  -- Errors: another ending, a wrong number of channels, or the file can't be written
  -- From: Torch7
  -- Example:
  --   image.save("a.jpg", torch.zeros(3, 16, 16))
  --   image.load("a.jpg"):sum() --> 0.0
  local function save_as(fn, format, path, img, quality)
    check_path(fn, path)
    codec.write(fn, format, to_bytes(fn, img), check_quality(fn, quality), path)
  end

  function image.savePNG(path, img) save_as("image.savePNG", "png", path, img) end

  function image.saveJPG(path, img, quality) save_as("image.saveJPG", "jpg", path, img, quality) end

  function image.savePPM(path, img)
    save_as("image.savePPM", "ppm", path, common.rgb("savePPM", img))
  end

  function image.savePGM(path, img)
    common.picture("savePGM", img)
    if img:dim() == 3 and img:size(1) ~= 1 then
      raise("image.savePGM: a picture of %s, wanted one channel", table.concat(img.shape, "x"))
    end
    save_as("image.savePGM", "ppm", path, img)
  end

  local savers = { png = "savePNG", jpg = "saveJPG", jpeg = "saveJPG", ppm = "savePPM", pgm = "savePGM" }

  function image.save(path, img)
    check_path("image.save", path)
    local ending = path:match("%.(%a+)$")
    local saver = ending and savers[ending:lower()]
    if not saver then
      raise("image.save: %s: unknown image type: %s, wanted png, jpg, ppm or pgm", path,
        ending or "no ending")
    end
    image[saver](path, img)
  end

  --- image.is_supported(ending)
  --
  -- Whether image.save knows the ending of a file's name.
  --
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   image.is_supported("png") --> true
  function image.is_supported(ending)
    return type(ending) == "string" and savers[ending:lower()] ~= nil
  end
end
