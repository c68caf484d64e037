-- test_image: the package image: files beside Pillow's reading of them, and loops in double precision.
local torch = require "torch"
local image = require "image"

local tester = torch.Tester()
local tests = torch.TestSuite()
local folder = (arg and arg[0] or "tests/lib/test_image.lua"):match("^(.*)/[^/]*$") .. "/golden/images/"

local function close(a, b, tolerance, what)
  tester:eq(table.concat(a.shape, "x"), table.concat(b.shape, "x"), what)
  tester:assertle((a:double() - b:double()):abs():max(), tolerance, what)
end

local function fails(pattern, f, ...)
  local ok, why = pcall(f, ...)
  tester:assert(not ok and tostring(why):find(pattern) ~= nil,
    ("'%s' wanted, got %s"):format(pattern, tostring(why)))
end

local function with_file(ending, bytes, f)
  local name = os.tmpname()
  local path = name .. ending
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  local ok, why = pcall(f, path)
  os.remove(path)
  os.remove(name)
  if not ok then error(why, 0) end
end

local function bytes_of(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("a")
  file:close()
  return bytes
end

-- A picture without symmetry, of 0 to 1.
local function sample(channels, height, width)
  torch.manualSeed(7)
  return torch.rand(channels, height, width):double()
end

-- ---- files ------------------------------------------------------------------------------------------

function tests.files_as_pillow_reads_them()
  local tolerances = { jpg = 1, png = 0, ppm = 0, pgm = 0 }
  for _, name in ipairs { "rgb.png", "grey.png", "rgba.png", "la.png", "palette.png", "bits.png", "rgb.jpg",
    "progressive.jpg", "grey.jpg", "rgb.ppm", "grey.pgm" } do
    local wanted = torch.loadnpy(folder .. name .. ".npy")
    close(image.load(folder .. name, nil, "byte"), wanted, tolerances[name:match("%w+$")], name)
    close(image.load(folder .. name, nil, "double"), wanted:double():div(255), 0.004, name)
    local size = image.getSize(folder .. name)
    for d = 1, 3 do tester:eq(size[d], wanted:size(d)) end
  end
  close(image.load(folder .. "cmyk.jpg", nil, "byte"), torch.loadnpy(folder .. "cmyk.jpg.npy"), 2, "cmyk")
end

function tests.sixteen_bits()
  local wanted = torch.loadnpy(folder .. "grey16.png.npy")
  close(image.load(folder .. "grey16.png", nil, "double"), wanted:double():div(65535), 1e-12)
  close(image.load(folder .. "grey16.png", nil, "byte"), (wanted:double() / 256):floor(), 0)
end

function tests.round_trips()
  local x = sample(3, 9, 14):mul(255):round():byte()
  for _, ending in ipairs { ".png", ".ppm" } do
    with_file(ending, "", function(path)
      image.save(path, x)
      close(image.load(path, 3, "byte"), x, 0)
      image.save(path, x:double():div(255))
      close(image.load(path, 3, "byte"), x, 0)
    end)
  end
  close(image.decompress(image.compressPNG(x), nil, "byte"), x, 0)
  for _, channels in ipairs { 1, 2, 4 } do
    local y = sample(channels, 3, 5):mul(255):round():byte()
    close(image.decompressPNG(image.compressPNG(y), nil, "byte"), y, 0)
  end
  local smooth = image.scale(x[1]:contiguous():view(1, 9, 14), 80, 60)
  close(image.decompressJPG(image.compressJPG(smooth, 100), nil, "byte"), smooth, 3)
  tester:assertlt(image.compressJPG(smooth, 20):nElement(), image.compressJPG(smooth, 95):nElement())
  -- What is saved is not changed.
  local z = sample(1, 2, 2):mul(3)
  local before = z:clone()
  image.compressPNG(z)
  close(z, before, 0)
end

function tests.depths()
  local rgb = image.load(folder .. "rgb.png")
  close(image.load(folder .. "rgb.png", 1), image.rgb2y(rgb)[1], 0)
  tester:eq(image.load(folder .. "grey.png", 3):size(1), 3)
  tester:eq(image.load(folder .. "rgba.png", 3):size(1), 3)
  tester:eq(image.load(folder .. "la.png", 1):size(1), 1)
end

function tests.text_of_anymaps()
  with_file(".pgm", "P2 # a comment\n3 2\n15\n0 1 2\n3 14 15\n", function(path)
    local x = image.load(path, nil, "byte")
    close(x, torch.Tensor { { { 0, 17, 34 }, { 51, 238, 255 } } }, 0)
  end)
end

function tests.bad_files()
  fails("image.load: .*no_such", image.load, "no_such.png")
  with_file("", "nothing", function(path) fails("image.load: unable to determine", image.load, path) end)
  fails("wanted byte, float or double", image.load, folder .. "rgb.png", 3, "int")
  fails("the depth is 2", image.load, folder .. "rgb.png", 2)
  for _, name in ipairs { "rgb.png", "rgb.jpg", "rgb.ppm", "progressive.jpg", "grey.pgm" } do
    local bytes, ending = bytes_of(folder .. name), "." .. name:match("%w+$")
    fails("more than the limit of 100 bytes", image.load, folder .. name, nil, nil, { limit = 100 })
    for _, part in ipairs { 0.2, 0.5, 0.9 } do
      with_file(ending, bytes:sub(1, math.floor(#bytes * part)), function(path)
        fails("^.*image%.load: ", image.load, path)
      end)
    end
    -- No damage may do more than give an error or another picture.
    torch.manualSeed(3)
    for _ = 1, 200 do
      local at = torch.random(1, #bytes)
      local damaged = bytes:sub(1, at - 1) .. string.char(torch.random(0, 255)) .. bytes:sub(at + 1)
      with_file(ending, damaged, function(path) pcall(image.load, path, nil, nil, { limit = 1e6 }) end)
    end
  end
  fails("not a PNG file", image.loadPNG, folder .. "rgb.jpg")
  fails("not a JPEG file", image.loadJPG, folder .. "rgb.png")
  fails("neither a PNG nor a JPEG", image.decompress, torch.ByteTensor(8):fill(7))
  fails("a ByteTensor expected", image.decompressPNG, torch.Tensor(8))
  fails("5 channels", image.compressPNG, torch.zeros(5, 2, 2))
  fails("4 channels", image.compressJPG, torch.zeros(4, 2, 2))
  fails("unknown image type: gif", image.save, "a.gif", torch.zeros(3, 2, 2))
  fails("no/such/folder", image.save, "no/such/folder/a.png", torch.zeros(3, 2, 2))
  fails("is empty", image.save, "a.png", torch.Tensor())
end

-- ---- sizes and places -------------------------------------------------------------------------------

-- Torch7's rules along one dimension: { place, weight } for element i of m from n.
local function linear_weights(i, n, m)
  if m == n then return { { i, 1 } } end
  if m > n then
    if i == m - 1 or n == 1 then return { { n - 1, 1 } } end
    local at = i * (n - 1) / (m - 1)
    local lo = math.floor(at)
    return { { lo, 1 - (at - lo) }, { lo + 1, at - lo } }
  end
  local from, to, list = i * n / m, (i + 1) * n / m, {}
  for k = 0, n - 1 do
    local covered = math.min(to, k + 1) - math.max(from, k)
    if covered > 1e-12 then list[#list + 1] = { k, covered * m / n } end
  end
  return list
end

local function reference_scale(x, height, width, weights)
  local out = torch.zeros(x:size(1), height, width):double()
  for c = 1, x:size(1) do
    for i = 1, height do
      for j = 1, width do
        local sum = 0
        for _, a in ipairs(weights(i - 1, x:size(2), height)) do
          for _, b in ipairs(weights(j - 1, x:size(3), width)) do
            sum = sum + a[2] * b[2] * x[c][a[1] + 1][b[1] + 1]
          end
        end
        out[c][i][j] = sum
      end
    end
  end
  return out
end

function tests.scale()
  local x = sample(2, 7, 5)
  for _, size in ipairs { { 3, 2 }, { 14, 5 }, { 4, 11 }, { 7, 5 }, { 1, 1 }, { 2, 13 } } do
    local wanted = reference_scale(x, size[1], size[2], linear_weights)
    close(image.scale(x, size[2], size[1]), wanted, 1e-12, "bilinear")
    close(image.scale(x:float(), size[2], size[1]), wanted, 1e-6, "float")
    close(image.scale(x, size[2], size[1], "simple"), reference_scale(x, size[1], size[2], function(i, n, m)
      return { { math.min(math.floor(i * n / m), n - 1), 1 } }
    end), 0, "simple")
  end
  -- A cubic goes through what it was made from, and a straight line stays one.
  local line = torch.linspace(0, 1, 6):double():view(1, 6)
  close(image.scale(line, 31, 1, "bicubic"), torch.linspace(0, 1, 31):double():view(1, 31), 1e-6)
  close(image.scale(x, 9, 13, "bicubic"):index(3, torch.LongTensor { 1, 3, 5, 7, 9 })
    :index(2, torch.LongTensor { 1, 3, 5, 7, 9, 11, 13 }), x, 1e-12)
  close(image.scale(x:transpose(2, 3), 4, 3), image.scale(x:transpose(2, 3):contiguous(), 4, 3), 0, "strides")
  close(image.scale(x[1], 4, 3), image.scale(x, 4, 3)[1], 0, "2 dimensions")
  local into = torch.DoubleTensor(2, 3, 4)
  tester:assert(image.scale(into, x) == into)
  close(into, image.scale(x, 4, 3), 0)
  for _, t in ipairs { "ByteTensor", "IntTensor", "HalfTensor" } do
    local y = (x * 100):type("torch." .. t)
    tester:eq(image.scale(y, 4, 3):type(), "torch." .. t)
    close(image.scale(y, 4, 3), image.scale(y:double(), 4, 3), 1.01, t)
  end
end

function tests.sizes_of_scale()
  local x = torch.zeros(3, 10, 20)
  for size, wanted in pairs { ["8x6"] = { 6, 8 }, ["10"] = { 5, 10 }, ["^5"] = { 5, 10 }, ["*2"] = { 20, 40 },
    ["*1/2"] = { 5, 10 }, ["50%"] = { 5, 10 }, ["*0.3"] = { 3, 6 } } do
    local y = image.scale(x, size)
    tester:eq(y:size(2), wanted[1])
    tester:eq(y:size(3), wanted[2])
  end
  tester:eq(image.scale(x, 5):size(3), 5)
  fails("image.scale: the size is 'wide'", image.scale, x, "wide")
  fails("image.scale: the mode is 'cubic'", image.scale, x, 2, 2, "cubic")
  fails("image.scale: the width is 0", image.scale, x, 0, 2)
  fails("image.scale: the picture is of 2x3x4x5", image.scale, torch.zeros(2, 3, 4, 5), 2, 2)
end

function tests.crop()
  local x = torch.range(0, 19):view(4, 5)
  close(image.crop(x, 1, 2, 4, 4), x:narrow(1, 3, 2):narrow(2, 2, 3), 0)
  close(image.crop(x, "tl", 2, 2), x:narrow(1, 1, 2):narrow(2, 1, 2), 0)
  close(image.crop(x, "br", 2, 1), x:narrow(1, 4, 1):narrow(2, 4, 2), 0)
  close(image.crop(x, "tr", 2, 1), x:narrow(1, 1, 1):narrow(2, 4, 2), 0)
  close(image.crop(x, "bl", 2, 1), x:narrow(1, 4, 1):narrow(2, 1, 2), 0)
  close(image.crop(x, "c", 3, 2), x:narrow(1, 2, 2):narrow(2, 2, 3), 0)
  local into = torch.zeros(2, 2)
  image.crop(into, x, 3, 2)
  close(into, x:narrow(1, 3, 2):narrow(2, 4, 2), 0)
  fails("crop goes outside", image.crop, x, 3, 3, 6, 4)
  fails("crop goes outside", image.crop, x, -1, 0, 2, 2)
  fails("wanted c, tl", image.crop, x, "middle", 2, 2)
end

function tests.moves_and_mirrors()
  local x = sample(2, 4, 5)
  local y = image.translate(x, 2, -1)
  close(y:narrow(2, 1, 3):narrow(3, 3, 3), x:narrow(2, 2, 3):narrow(3, 1, 3), 0)
  tester:eq(y:narrow(3, 1, 2):sum(), 0)
  tester:eq(image.translate(x, 5, 0):sum(), 0)
  for d, f in pairs { [2] = image.vflip, [3] = image.hflip } do
    local z = f(x)
    for i = 1, x:size(d) do close(z:select(d, i), x:select(d, x:size(d) + 1 - i), 0) end
    close(image.flip(x, d), z, 0)
    local own = x:clone()
    f(own, own)
    close(own, z, 0)
  end
  fails("Bad flip dimension", image.flip, x, 4)
end

-- What x has at (row, column), from 0, between its pixels.
local function between(x, c, row, column)
  local y0, x0 = math.floor(row), math.floor(column)
  local fy, fx = row - y0, column - x0
  local function at(i, j)
    return x[c][math.max(0, math.min(x:size(2) - 1, i)) + 1][math.max(0, math.min(x:size(3) - 1, j)) + 1]
  end
  return (1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x0 + 1))
    + fy * ((1 - fx) * at(y0 + 1, x0) + fx * at(y0 + 1, x0 + 1))
end

function tests.warp()
  local x = sample(2, 6, 7)
  local field = torch.rand(2, 5, 4):double():mul(8):add(-1)
  local out = image.warp(x, field, "bilinear", false)
  local padded = image.warp(x, field, "bilinear", false, "pad", 9)
  for i = 1, 5 do
    for j = 1, 4 do
      local row, column = field[1][i][j], field[2][i][j]
      local inside = row >= 0 and row <= 5 and column >= 0 and column <= 6
      local wanted = between(x, 2, math.max(0, math.min(5, row)), math.max(0, math.min(6, column)))
      tester:eq(out[2][i][j], wanted, 1e-12)
      tester:eq(padded[2][i][j], inside and wanted or 9, 1e-12)
    end
  end
  -- All modes give the pixels themselves at whole places; constants stay what they are.
  for _, mode in ipairs { "simple", "bilinear", "bicubic", "lanczos" } do
    close(image.warp(x, torch.zeros(2, 6, 7), mode), x, 1e-12, mode)
    close(image.warp(torch.ones(1, 6, 7), field, mode, false), torch.ones(1, 5, 4), 1e-6, mode)
  end
  -- A cubic keeps straight lines.
  local ramp = torch.range(0, 9):double():view(1, 1, 10):expand(1, 8, 10)
  local inner = torch.rand(2, 3, 3):double():mul(5):add(1)
  close(image.warp(ramp, inner, "bicubic", false), inner:narrow(1, 2, 1), 1e-12)
  local bad = torch.zeros(2, 2, 2):fill(0 / 0)
  close(image.warp(x, bad, "bicubic", false, "pad", 3), torch.zeros(2, 2, 2):fill(3), 0)
  tester:eq(image.warp(x, bad:fill(1e300), "lanczos", false):size(2), 2)
  fails("2 x height x width", image.warp, x, torch.zeros(3, 2, 2))
  fails("pad_value can only", image.warp, x, field, "simple", true, "clamp", 1)
end

function tests.turns()
  local x = sample(2, 5, 5)
  local quarter = image.rotate(x, math.pi / 2)
  for i = 1, 5 do close(quarter:select(2, i), x:select(3, 6 - i), 1e-12) end
  close(image.rotate(x, math.pi / 2, "bilinear"), quarter, 1e-12)
  local theta, mid = 0.3, 2
  local out = image.rotate(x, theta, "bilinear")
  for i = 0, 4 do
    for j = 0, 4 do
      local row = math.cos(theta) * (i - mid) + math.sin(theta) * (j - mid) + mid
      local column = math.cos(theta) * (j - mid) - math.sin(theta) * (i - mid) + mid
      local inside = row >= 0 and row <= 4 and column >= 0 and column <= 4
      if inside then tester:eq(out[1][i + 1][j + 1], between(x, 1, row, column), 1e-12) end
    end
  end
  local turn = torch.Tensor { { math.cos(0.3), math.sin(0.3) }, { -math.sin(0.3), math.cos(0.3) } }
  local same = image.affinetransform(x, turn, "bilinear", { 0, 0 }, "pad")
  close(same:narrow(2, 2, 3):narrow(3, 2, 3), out:narrow(2, 2, 3):narrow(3, 2, 3), 1e-6)
  close(image.affinetransform(x, torch.eye(2), "simple", { 1, 0 }, "pad"), image.translate(x, 0, 1), 0)
  fails("the angle is .*nan", image.rotate, x, 0 / 0)
end

function tests.polar()
  local x = sample(1, 8, 6)
  for name, log in pairs { polar = false, logpolar = true } do
    local out = image[name](x, "bilinear", "full")
    local reach, n = math.sqrt(8 * 8 + 6 * 6) / 2, 8
    for i = 0, n - 1 do
      for j = 0, n - 1 do
        local r, a = log and math.exp(j / n * math.log(reach)) or reach * j / n, 2 * math.pi * i / n
        local row, column = r * math.cos(a) + 4, -r * math.sin(a) + 3
        if row >= 0 and row < 7 and column >= 0 and column < 5 then
          tester:eq(out[1][i + 1][j + 1], between(x, 1, row, column), 1e-9)
        elseif row < 0 or row >= 8 or column < 0 or column >= 6 then
          tester:eq(out[1][i + 1][j + 1], 0)
        end
      end
    end
    tester:eq(image[name](torch.zeros(3, 5), x[1]):size(2), 5)
  end
end

-- ---- colours and filters ----------------------------------------------------------------------------

function tests.colour_spaces()
  local x = sample(3, 20, 20)
  for _, pair in ipairs { { "rgb2hsv", "hsv2rgb" }, { "rgb2hsl", "hsl2rgb" }, { "rgb2lab", "lab2rgb" },
    { "rgb2yuv", "yuv2rgb" } } do
    close(image[pair[2]](image[pair[1]](x)), x, 1e-4, pair[1])
    close(image[pair[1]](x:float()), image[pair[1]](x), 1e-4, pair[1])
  end
  local function check(f, from, to, tolerance)
    local got = f(torch.DoubleTensor(from):view(3, 1, 1)):view(3)
    for k = 1, 3 do tester:eq(got[k], to[k], tolerance or 1e-9) end
  end
  check(image.rgb2hsv, { 0.5, 0.25, 0.25 }, { 0, 0.5, 0.5 })
  check(image.rgb2hsv, { 0.2, 0.4, 0.8 }, { 3.6666666666667 / 6, 0.75, 0.8 })
  check(image.rgb2hsl, { 0.2, 0.4, 0.8 }, { 3.6666666666667 / 6, 0.6, 0.5 })
  check(image.hsv2rgb, { 1 / 3, 1, 1 }, { 0, 1, 0 })
  check(image.rgb2lab, { 1, 0, 0 }, { 53.2408, 80.0925, 67.2032 }, 0.01)
  check(image.lab2rgb, { 100, 0, 0 }, { 1, 1, 1 }, 1e-3)
  check(image.rgb2nrgb, { 1, 2, 1 }, { 0.25, 0.5, 0.25 }, 1e-6)
  tester:eq(image.rgb2hsv(x:mul(255):byte()):type(), "torch.ByteTensor")
  fails("not supported for torch.ByteTensor", image.rgb2lab, x:byte())
  fails("wanted 3 x height x width", image.rgb2hsv, torch.zeros(2, 3, 3))
end

function tests.palettes()
  local map = image.colormap(20)
  tester:eq(map:size(1), 20)
  tester:assertle(map:max(), 1)
  tester:assertge(map:min(), 0)
  local jet = image.jetColormap(8)
  for i = 1, 8 do
    local v = 4 * i / 8
    tester:eq(jet[i][1], math.max(math.min(v - 1.5, 4.5 - v, 1), 0), 1e-6)
    tester:eq(jet[i][3], math.max(math.min(v + 0.5, 2.5 - v, 1), 0), 1e-6)
  end
  local y = image.y2jet(torch.Tensor { { 1, 8 }, { 3, 4 } })
  close(y:select(2, 2):select(2, 1), jet[3], 1e-6)
  fails("levels from 1 on", image.y2jet, torch.Tensor { 0, 1 })
end

function tests.convolve()
  local x, k = sample(2, 6, 7), sample(1, 3, 5)[1]
  local out = image.convolve(x, k, "same")
  for i = 1, 6 do
    for j = 1, 7 do
      local sum = 0
      for a = 1, 3 do
        for b = 1, 5 do
          local row, column = i + 2 - a, j + 3 - b
          if row >= 1 and row <= 6 and column >= 1 and column <= 7 then
            sum = sum + k[a][b] * x[2][row][column]
          end
        end
      end
      tester:eq(out[2][i][j], sum, 1e-12)
    end
  end
  close(image.convolve(x, k), out:narrow(2, 2, 4):narrow(3, 3, 3), 1e-12)
  tester:eq(image.convolve(x, k, "full"):size(3), 11)
  close(image.convolve((x * 255):byte(), torch.ones(3, 3):div(9)), image.convolve((x * 255):byte():double(),
    torch.ones(3, 3):div(9)), 0.51)
  fails("one of: full", image.convolve, x, k, "wide")
  fails("image.convolve: kernels of 3x1x1", image.convolve, x, torch.ones(3, 1, 1))
  fails("image.convolve: a kernel of 9x9 is larger", image.convolve, x, torch.ones(9, 9))
  fails("the quality is .*nan", image.compressJPG, x[1], 0 / 0)
end

function tests.kernels()
  local g = image.gaussian { width = 5, height = 3, sigma_horz = 0.3, sigma_vert = 0.2, amplitude = 2 }
  for i = 1, 3 do
    for j = 1, 5 do
      local dy, dx = (i - 2) / (0.2 * 3), (j - 3) / (0.3 * 5)
      tester:eq(g[i][j], 2 * math.exp(-(dx * dx + dy * dy) / 2), 1e-6)
    end
  end
  tester:eq(image.gaussian(4, 0.25, 1, true):sum(), 1, 1e-6)
  tester:eq(image.gaussian1D { size = 5, normalize = true }:sum(), 1, 1e-6)
  tester:eq(image.laplacian(5)[3][3], 1, 1e-6)
  tester:eq(#image.gaussianpyramid(sample(3, 8, 8), { 1, 0.5, 0.25 }), 3)
  local flat = image.lcn(sample(1, 20, 20))
  tester:assertlt(math.abs(flat:mean()), 0.2)
  local dot = torch.zeros(5, 5)
  dot[3][3] = 1
  tester:eq(image.dilate(dot):sum(), 9)
  close(image.erode(image.dilate(dot)), dot, 0)
end

function tests.minmax_and_grid()
  local x = torch.Tensor { -1, 0, 3 }
  close(image.minmax { tensor = x }, torch.Tensor { 0, 0.25, 1 }, 1e-6)
  close(image.minmax { tensor = x, symm = true }, torch.Tensor { 2 / 6, 0.5, 1 }, 1e-6)
  close(image.minmax { tensor = x, min = 0, max = 2, saturate = true }, torch.Tensor { 0, 0, 1 }, 1e-6)
  close(x, torch.Tensor { -1, 0, 3 }, 0)
  local grid = image.toDisplayTensor { input = torch.range(1, 5 * 4):view(5, 2, 2), nrow = 3, padding = 2 }
  tester:eq(table.concat(grid.shape, "x"), "8x12")
  tester:eq(grid[2][2], 0, 1e-6)
  tester:eq(grid[2][6], 4 / 19, 1e-6)
  tester:eq(grid[6][2], 12 / 19, 1e-6)
  tester:eq(grid[1][1], 1)
  fails("picture 2 is of 2x2", image.toDisplayTensor, { torch.zeros(2, 3), torch.zeros(2, 2) })
end

function tests.drawing()
  local x = torch.zeros(3, 12, 30)
  local y = image.drawText(x, "Hi", 2, 1, { color = { 0, 255, 0 }, bg = { 0, 0, 255 } })
  tester:eq(x:sum(), 0)
  local rows = { "10001", "10001", "10001", "11111", "10001", "10001", "10001" }
  for i, row in ipairs(rows) do
    for j = 1, 5 do tester:eq(y[2][1 + i][2 + j], tonumber(row:sub(j, j))) end
  end
  tester:eq(y[3]:sum() + y[2]:sum(), 2 * 6 * 8)
  -- Outside, in every size, and of any bytes: nothing happens but what is inside.
  image.drawText(x, "many\nlines \255\200 éß", 25, -3, { size = 3 })
  image.drawText(x, "far", 1e6, -1e6, { wrap = false })
  tester:eq(image.drawText(x:byte(), "I", 0, 0)[1]:max(), 255)
  local r = image.drawRect(x, 2, 3, 6, 8, { lineWidth = 1 })
  tester:eq(r[1]:sum(), 2 * 5 + 2 * 4)
  tester:eq(r[1][3][2], 1)
  tester:eq(r[1][8][6], 1)
  image.drawRect(x, -5, -5, 100, 100, { lineWidth = 3, inplace = true })
  fails("wanted 3 x height x width", image.drawText, torch.zeros(4, 4), "x")
end

function tests.display()
  with_file(".png", "", function(path)
    image.display { image = sample(4, 6, 6), file = path, zoom = 2 }
    local size = image.getSize(path)
    tester:eq(size[2], 12)
    tester:eq(size[3], 48)
  end)
  fails("no windows", image.window)
  local lena = image.lena()
  tester:eq(table.concat(lena.shape, "x"), "3x512x512")
  tester:eq(image.fabio():dim(), 2)
end

-- ---- transforms -------------------------------------------------------------------------------------

local T = image.transforms

function tests.transforms_repeat()
  local f = T.Compose {
    T.RandomCrop(20, { padding = 2 }), T.RandomResizedCrop(16), T.RandomHorizontalFlip(),
    T.RandomVerticalFlip(), T.RandomRotation(20),
    T.RandomAffine(10, { translate = { 0.1, 0.1 }, scale = { 0.9, 1.1 }, shear = 5 }),
    T.ColorJitter { brightness = 0.3, contrast = 0.3, saturation = 0.3, hue = 0.1 }, T.RandomGrayscale(0.5),
    T.GaussianBlur(3), T.RandomErasing { p = 0.8 },
  }
  for _, x in ipairs { sample(3, 22, 24):float(), sample(3, 22, 24):mul(255):byte() } do
    local before = x:clone()
    torch.manualSeed(5)
    local a = f(x)
    torch.manualSeed(5)
    local b, c = f(x), f(x)
    close(a, b, 0)
    tester:assertgt((a:double() - c:double()):abs():max(), 0)
    tester:eq(a:type(), x:type())
    tester:eq(table.concat(a.shape, "x"), "3x16x16")
    close(x, before, 0, "the input is as before")
  end
end

function tests.transforms_one_by_one()
  local x = sample(3, 8, 10)
  local n = T.Normalize({ 0.1, 0.2, 0.3 }, { 1, 2, 4 })(x)
  close(n[3], (x[3] - 0.3) / 4, 1e-7)
  tester:eq(table.concat(T.Resize(4)(x).shape, "x"), "3x4x5")
  tester:eq(table.concat(T.Resize({ 5, 3 })(x).shape, "x"), "3x5x3")
  close(T.CenterCrop({ 2, 4 })(x), x:narrow(2, 4, 2):narrow(3, 4, 4), 0)
  close(T.Pad({ 1, 2, 3, 4 }, 7)(x):narrow(2, 3, 8):narrow(3, 2, 10), x, 0)
  tester:eq(T.Pad({ 1, 2 })(x):size(2), 12)
  close(T.RandomHorizontalFlip(1)(x), image.hflip(x), 0)
  close(T.RandomVerticalFlip(0)(x), x, 0)
  close(T.RandomRotation({ 30, 30 })(x):narrow(2, 4, 2):narrow(3, 4, 3),
    image.rotate(x, math.rad(30), "bilinear"):narrow(2, 4, 2):narrow(3, 4, 3), 1e-9)
  close(T.RandomAffine(0)(x), x, 1e-9)
  -- Sheared by 45 degrees, a column becomes a diagonal.
  local column = torch.zeros(1, 5, 5)
  column:select(3, 3):fill(1)
  local slope = T.RandomAffine(0, { shear = { 45, 45 }, mode = "simple" })(column)[1]
  for i = 1, 5 do tester:eq(slope[i][i] + slope[i][6 - i], i == 3 and 2 or 1) end
  close(T.ColorJitter { brightness = { 0.5, 0.5 } }(x), x * 0.5, 1e-9)
  close(T.ColorJitter { saturation = { 0, 0 } }(x), image.rgb2y(x):expandAs(x), 1e-7)
  close(T.ColorJitter { contrast = { 0, 0 } }(x), torch.zeros(3, 8, 10):fill(image.rgb2y(x):mean()), 1e-6)
  close(T.ColorJitter { hue = { 1 / 3, 1 / 3 } }(x), x:index(1, torch.LongTensor { 3, 1, 2 }), 1e-9)
  close(T.RandomGrayscale(1)(x), image.rgb2y(x):expandAs(x), 0)
  local erase = T.RandomErasing { p = 1, scale = { 0.25, 0.25 }, ratio = { 1, 1 }, value = 5 }
  tester:eq(erase(torch.zeros(1, 8, 8)):sum(), 16 * 5)
  local dot = torch.zeros(1, 7, 7)
  dot[1][4][4] = 1
  local blurred = T.GaussianBlur(3, 0.8)(dot)
  tester:eq(blurred:sum(), 1, 1e-6)
  tester:eq(blurred[1][4][3] / blurred[1][4][4], math.exp(-1 / (2 * 0.64)), 1e-5)
  tester:eq(tostring(T.ToFloat()), "image.transforms.ToFloat")
end

function tests.transforms_bad_arguments()
  fails("transforms.Compose: element 2 is a number", T.Compose, { T.ToFloat(), 3 })
  fails("transforms.Normalize: a standard deviation is 0", T.Normalize, 0, 0)
  fails("transforms.RandomHorizontalFlip: the probability is 2", T.RandomHorizontalFlip, 2)
  fails("transforms.GaussianBlur: a kernel of 4", T.GaussianBlur, 4)
  fails("transforms.RandomCrop: a picture of 3x2 is smaller", T.RandomCrop(4), torch.zeros(1, 2, 3))
  fails("transforms.ColorJitter: the hue", T.ColorJitter, { hue = 0.7 })
  fails("transforms.ToFloat: the picture is a number", T.ToFloat(), 3)
end

-- An affine map is the warp by the field that it makes, in every mode and type.
function tests.affine_maps()
  local h, w = 7, 9
  local field, matrix = torch.DoubleTensor(2, h, w), { 0.913173, 0.417811, -0.331737, 1.127019 }
  local move = { 1.31, -0.77 } -- no place lies on the border, where rounding decides
  for y = 1, h do
    for x = 1, w do
      local dy, dx = y - (h + 1) / 2, x - (w + 1) / 2
      field[1][y][x] = matrix[1] * dy + matrix[2] * dx + (h - 1) / 2 - move[1]
      field[2][y][x] = matrix[3] * dy + matrix[4] * dx + (w - 1) / 2 - move[2]
    end
  end
  for _, dtype in ipairs { "uint8", "float32", "float64", "float16" } do
    local x = (torch.rand(3, h, w) * (dtype == "uint8" and 255 or 1)):to(dtype)
    for _, mode in ipairs { "bilinear", "simple", "bicubic", "lanczos" } do
      for _, outside in ipairs { "clamp", "pad" } do
        local a = image.affinetransform(x, torch.DoubleTensor(matrix):view(2, 2), mode, move, outside)
        local b = image.warp(x, field, mode, false, outside)
        tester:eq(a.dtype, dtype)
        tester:assert(torch.abs(a:double() - b:double()):max() < (dtype == "uint8" and 1.5 or 1e-3),
          dtype .. " " .. mode .. " " .. outside)
      end
    end
  end
  local quarter = image.transforms.RandomRotation { 90, 90 }
  local turned = quarter(torch.range(1, 9):view(3, 3))
  tester:assert(torch.abs(turned - torch.Tensor { { 3, 6, 9 }, { 2, 5, 8 }, { 1, 4, 7 } }):max() < 1e-5)
end

tester:add(tests)
tester:run()
