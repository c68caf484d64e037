-- arguments: the many forms in which the functions of gnuplot take their data.

local torch = require "torch"
local raise = require("torch.caller").raise

local arguments = {}

-- Numbers as a tensor in host memory; nil for anything else.
local function values(v)
  if torch.isTensor(v) then return v:detach():to("cpu"):double() end
  if torch.isStorage(v) then return values(v:totable()) end
  if type(v) == "table" and type(v[1]) == "number" then
    local ok, x = pcall(torch.DoubleTensor, v)
    return ok and x or nil
  end
end

-- The arguments as a list of lists: f(a, b), f({a, b}, {c, d}) and f({{a, b}, {c, d}}) are allowed.
local function groups(list)
  local first = list[1]
  if type(first) ~= "table" or values(first) then return { list } end
  if type(first[1]) == "table" and not values(first[1]) then return first end
  return list
end

-- One group as its name, its tensors, and the text that came last.
local function parse(fn, usage, group)
  local name, tensors, text = nil, {}, nil
  if type(group) ~= "table" then raise("%s: expecting %s", fn, usage) end
  for i = 1, #group do
    local x = values(group[i])
    if x and not text then
      tensors[#tensors + 1] = x
    elseif type(group[i]) == "string" and i == 1 then
      name = group[i]
    elseif type(group[i]) == "string" and i == #group and #tensors > 0 then
      text = group[i]
    else
      raise("%s: expecting %s; argument %d is a %s", fn, usage, i, torch.type(group[i]))
    end
  end
  if #tensors == 0 then raise("%s: expecting %s", fn, usage) end
  return name or "", tensors, text
end

local function shape(x)
  return table.concat(x.shape, "x")
end

-- x and y of a curve: y alone, a matrix with x in its first column, or both.
local function curve_data(fn, tensors, format)
  local x, y = tensors[1], tensors[2]
  if not y then
    if x:dim() == 2 and x:size(2) == 4 and format:lower() == "v" then
      x, y = x:index(2, torch.LongTensor { 1, 3 }), x:index(2, torch.LongTensor { 2, 4 })
    elseif x:dim() == 2 and x:size(2) == 2 then
      x, y = x:select(2, 1), x:select(2, 2)
    elseif x:dim() == 2 and x:size(2) > 2 then
      x, y = x:select(2, 1), x:narrow(2, 2, x:size(2) - 1)
    else
      if x:dim() == 2 then x = x:select(2, 1) end
      y = x
      x = y:nElement() > 0 and torch.range(1, y:size(1)):double() or y
    end
  end
  if x:dim() < 1 or x:dim() > 2 or y:dim() < 1 or y:dim() > 2 or x:size(1) ~= y:size(1) then
    raise("%s: x and y dims are wrong: x is %s, y %s", fn, shape(x), shape(y))
  end
  return x, y
end

-- plot([name,] x [, y] [, format]) as a list of {name, x, y, format}
function arguments.curves(...)
  local fn, curves = "gnuplot.plot", {}
  if select("#", ...) == 0 then raise("%s: no inputs, expecting at least a vector", fn) end
  for i, group in ipairs(groups { ... }) do
    local name, tensors, format = parse(fn, "[string,] tensor [,tensor] [,string]", group)
    if #tensors > 2 then raise("%s: expecting [string,] tensor [,tensor] [,string]", fn) end
    local x, y = curve_data(fn, tensors, format or "")
    curves[i] = { name = name, x = x, y = y, format = format or "" }
  end
  return curves
end

-- splot([name,] [x, y,] z) as a list of {name, x, y, z}, matrices
function arguments.surfaces(...)
  local fn, usage, surfaces = "gnuplot.splot", "[string,] matrix [,matrix, matrix]", {}
  if select("#", ...) == 0 then raise("%s: no inputs, expecting at least a matrix", fn) end
  for i, group in ipairs(groups { ... }) do
    local name, tensors = parse(fn, usage, group)
    if #tensors ~= 1 and #tensors ~= 3 then raise("%s: expecting %s", fn, usage) end
    local x, y, z = table.unpack(tensors)
    for _, tensor in ipairs(tensors) do
      if tensor:dim() ~= 2 then
        raise("%s: x, y and z are expected to be matrices, got %s", fn, shape(tensor))
      end
      if shape(tensor) ~= shape(x) then raise("%s: x, y and z have different sizes", fn) end
    end
    if not z then
      z = x
      x = torch.range(1, z:size(1)):double():view(-1, 1):expand(z:size(1), z:size(2))
      y = torch.range(1, z:size(2)):double():view(1, -1):expand(z:size(1), z:size(2))
    end
    surfaces[i] = { name = name, x = x, y = y, z = z }
  end
  return surfaces
end

-- scatter3([name,] x, y, z) as a list of {name, x, y, z}, vectors
function arguments.points(...)
  local fn, usage, points = "gnuplot.scatter3", "[string,] tensor, tensor, tensor", {}
  if select("#", ...) == 0 then raise("%s: no inputs, expecting three vectors", fn) end
  for i, group in ipairs(groups { ... }) do
    local name, tensors = parse(fn, usage, group)
    if #tensors ~= 3 then raise("%s: expecting %s", fn, usage) end
    for _, tensor in ipairs(tensors) do
      if tensor:dim() ~= 1 or tensor:size(1) ~= tensors[1]:size(1) then
        raise("%s: x, y and z are expected to be vectors of one size, got %s", fn, shape(tensor))
      end
    end
    points[i] = { name = name, x = tensors[1], y = tensors[2], z = tensors[3] }
  end
  return points
end

-- imagesc(x [, palette])
function arguments.image(x, palette, ...)
  local fn, matrix = "gnuplot.imagesc", values(x)
  if not matrix or palette ~= nil and type(palette) ~= "string" or select("#", ...) > 0 then
    raise("%s: expecting matrix [,string]", fn)
  end
  if matrix:dim() ~= 2 then raise("%s: x is expected to be a matrix, got %s", fn, shape(matrix)) end
  return matrix, palette or "gray"
end

return arguments
