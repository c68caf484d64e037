-- padding.lua: more elements around a tensor, and images as columns of what a kernel sees.

return function(nn, torch)
  local F = nn.functional
  local raise = require("torch.caller").raise
  local each, windows, overlap = nn._convolution.each, nn._convolution.windows, nn._convolution.overlap
  local modes = { constant = "constant", zeros = "constant", reflect = "reflect", replicate = "replicate",
    circular = "circular" }

  --- nn.functional.pad(x, pads [, mode [, value]])
  --
  -- x with elements added before and after it along its last dimensions.  As torch.pad, but reflect and
  -- circular take no more than x has.  Differentiable.
  --
  -- x: tensor
  -- pads: {before, after} the last dimension, then before and after the last but one, ..; negative numbers
  --   take elements away
  -- mode: what is added: "constant" (the default) a number; "replicate" the element at the edge; "reflect"
  --   the elements next to the edge in the opposite order, without the edge; "circular" those of the other
  --   end
  -- value: the number for "constant", 0 by default
  -- Returns: a new tensor
  -- Errors: there are more pads than dimensions; x is too small for its mode
  -- From: PyTorch
  -- Example:
  --   nn.functional.pad(torch.Tensor { 1, 2, 3 }, { 2, 1 }, "reflect")[1] --> 3.0
  function F.pad(x, pads, mode, value)
    if not torch.isTensor(x) then raise("nn.pad: the input is a %s, wanted a tensor", type(x)) end
    mode = mode or "constant"
    if not modes[mode] then
      raise("nn.pad: the mode is '%s', wanted 'constant', 'reflect', 'replicate' or 'circular'",
        tostring(mode))
    end
    local most = mode == "reflect" and -1 or mode == "circular" and 0
    if not most or type(pads) ~= "table" then return torch.pad(x, pads, modes[mode], value) end
    -- What is mirrored may be taken away at the other end.
    local more, fewer, some = {}, {}, false
    for i, pad in ipairs(pads) do
      local size = x.shape[x:dim() - (i - 1) // 2]
      if type(pad) ~= "number" or size and pad > size + most then
        raise("nn.pad: a pad of %s is no number, or too much for a dimension of %s and mode '%s'",
          tostring(pad), tostring(size), mode)
      end
      more[i], fewer[i] = math.max(pad, 0), math.min(pad, 0)
      some = some or pad < 0
    end
    if mode == "circular" or not some then return torch.pad(x, pads, mode) end
    return torch.pad(torch.pad(x, more, mode), fewer)
  end

  -- The settings of fold and unfold, and how many places a kernel takes on an image of such sizes.
  local function settings(fn, kernelSize, dilation, padding, stride)
    return each(fn, "kernel size", kernelSize, 2), each(fn, "dilation", dilation, 2, 1),
      each(fn, "padding", padding, 2, 0, 0), each(fn, "stride", stride, 2, 1)
  end

  --- nn.functional.unfold(x, kernelSize [, dilation [, padding [, stride]]])
  -- nn.functional.fold(y, outputSize, kernelSize [, dilation [, padding [, stride]]])
  --
  -- Images as columns: what a kernel sees in each of its places.  fold adds the columns up where they came
  -- from.  Differentiable.
  --
  -- x: tensor, (batch x) planes x height x width
  -- y: tensor, (batch x) planes kH kW x places
  -- outputSize: of the images; a number or {height, width}, as all that follow
  -- kernelSize: the kernel's
  -- dilation: how far apart the kernel's elements lie; 1 by default
  -- padding: zeros on either side; 0 by default
  -- stride: how far apart the kernel's places are; 1 by default
  -- Returns: unfold: a tensor as y; fold: one as x
  -- Errors: the shapes do not fit
  -- From: PyTorch
  -- Example:
  --   x = torch.ones(1, 4, 4)
  --   y = nn.functional.unfold(x, 2)
  --   table.concat(y.shape, "x"), nn.functional.fold(y, 4, 2):max() --> 4x9 4.0
  function F.unfold(x, kernelSize, dilation, padding, stride)
    local fn = "nn.unfold"
    local k, dil, p, s = settings(fn, kernelSize, dilation, padding, stride)
    if not torch.isTensor(x) or x:dim() < 3 or x:dim() > 4 then
      raise("%s: the input is %s, wanted a tensor of 3 or 4 dimensions", fn,
        torch.isTensor(x) and "of " .. table.concat(x.shape, "x") or "a " .. type(x))
    end
    local single = x:dim() == 3
    if single then x = x:unsqueeze(1) end
    if p[1] > 0 or p[2] > 0 then x = torch.pad(x, { p[2], p[2], p[1], p[1] }) end
    local view = windows(fn, windows(fn, x, 3, k[1], s[1], dil[1]), 4, k[2], s[2], dil[2])
    local n, c, h, w = x:size(1), x:size(2), view:size(3), view:size(4)
    local y = torch.reshape(view:permute(1, 2, 5, 6, 3, 4), n, c * k[1] * k[2], h * w):contiguous()
    return single and y:squeeze(1) or y
  end

  function F.fold(y, outputSize, kernelSize, dilation, padding, stride)
    local fn = "nn.fold"
    local size = each(fn, "output size", outputSize, 2)
    local k, dil, p, s = settings(fn, kernelSize, dilation, padding, stride)
    local places, full = {}, {}
    for d = 1, 2 do
      full[d] = size[d] + 2 * p[d]
      places[d] = (full[d] - dil[d] * (k[d] - 1) - 1) // s[d] + 1
    end
    local given, single = y, torch.isTensor(y) and y:dim() == 2
    if single then y = y:unsqueeze(1) end
    if not torch.isTensor(y) or y:dim() ~= 3 or y:size(2) % (k[1] * k[2]) ~= 0 or places[1] < 1
      or places[2] < 1 or y:size(3) ~= places[1] * places[2] then
      raise("%s: the input is %s, wanted (batch x) a multiple of %d x %d", fn,
        torch.isTensor(y) and "of " .. table.concat(given.shape, "x") or "a " .. type(y), k[1] * k[2],
        math.max(places[1], 0) * math.max(places[2], 0))
    end
    local n, c = y:size(1), y:size(2) // (k[1] * k[2])
    y = torch.reshape(y, n, c, k[1], k[2], places[1], places[2]):permute(1, 2, 5, 3, 6, 4)
    y = torch.reshape(y, n, c, places[1] * k[1], places[2] * k[2])
    y = overlap(y, 4, places[2], k[2], s[2], dil[2], full[2])
    y = overlap(y, 3, places[1], k[1], s[1], dil[1], full[1])
    if p[1] > 0 or p[2] > 0 then
      y = y:narrow(3, p[1] + 1, size[1]):narrow(4, p[2] + 1, size[2]):contiguous()
    end
    return single and y:squeeze(1) or y
  end
end
