-- spectralnorm.lua: weights divided by their largest singular value.

local raise = require("torch.caller").raise

return function(nn, torch)
  local utils = nn.utils

  local function rows_of(weight, dim)
    local n = weight:size(dim)
    return torch.reshape(torch.transpose(weight, 1, dim), n, weight:nElement() // n)
  end

  local function normalize(x, eps)
    return x / math.max(x:norm(), eps)
  end

  -- Steps towards the singular vectors, which the module keeps.
  local function iterate(rows, u, v, spec)
    for _ = 1, spec.nPowerIterations do
      v:copy(normalize(torch.mv(rows:t(), u), spec.eps))
      u:copy(normalize(torch.mv(rows, v), spec.eps))
    end
  end

  utils._kind("spectralNorm", function(module, name, spec)
    local weight, u, v = module[name .. "_orig"], module[name .. "_u"], module[name .. "_v"]
    local rows = rows_of(weight, spec.dim)
    if module.train ~= false then torch.noGrad(iterate, rows:detach(), u, v, spec) end
    -- The next step changes u and v; the tape keeps copies.
    local sigma = torch.sum(torch.cmul(torch.mv(rows, v:clone()), u:clone()), 1)
    return torch.cdiv(weight, sigma)
  end)

  --- nn.utils.spectralNorm(module [, opts]); nn.utils.removeSpectralNorm(module [, name])
  --
  -- Has a parameter divided, at each use, by its largest singular value, which power iterations while
  -- training follow.  In its place the module has the parameter name_orig and the buffers name_u and name_v.
  -- removeSpectralNorm makes it an ordinary one again.
  --
  -- module: nn.Module
  -- opts: table: name: the parameter's name, "weight" by default; nPowerIterations: 1 by default; eps: 1e-12
  --   by default; dim: the dimension of the outputs, 1 by default, 2 for transposed convolutions
  -- name: the parameter's name, "weight" by default
  -- Returns: the module
  -- Errors: the module has no such parameter or dimension
  -- From: Miyato and others, "Spectral normalization for generative adversarial networks", ICLR 2018, as in
  --   PyTorch
  -- Example:
  --   module = nn.utils.spectralNorm(nn.Linear(3, 2), { nPowerIterations = 30 })
  --   module:forward(torch.ones(3))
  --   _, s = torch.svd(module.weight:detach())
  --   math.abs(s[1] - 1) < 1e-3 --> true
  function utils.spectralNorm(module, opts)
    local typename = torch.typename(module) or ""
    local transposed = typename:find("FullConvolution") or typename:find("ConvTranspose")
    local o = nn._arguments.options(module, opts, {
      name = "weight", nPowerIterations = 1, eps = 1e-12, dim = transposed and 2 or 1,
    })
    local own = module[o.name]
    if torch.isTensor(own) and (math.type(o.dim) ~= "integer" or o.dim < 1 or o.dim > own:dim()) then
      raise("nn.utils.spectralNorm: %s of %d dimensions has no dimension %s", o.name, own:dim(),
        tostring(o.dim))
    end
    local spec = { kind = "spectralNorm", dim = o.dim, eps = o.eps, nPowerIterations = o.nPowerIterations }
    local tensor = utils._replace("spectralNorm", module, o.name, spec)
    local rows = rows_of(tensor, o.dim)
    module:registerParameter(o.name .. "_orig", tensor:clone())
    for part, size in pairs { _u = rows:size(1), _v = rows:size(2) } do
      module:registerBuffer(o.name .. part, normalize(tensor.new(size):normal(), o.eps))
    end
    torch.noGrad(utils._derive, module)
    return module
  end

  function utils.removeSpectralNorm(module, name)
    return utils._restore("removeSpectralNorm", module, name or "weight", "spectralNorm",
      { registerParameter = { "_orig" }, registerBuffer = { "_u", "_v" } })
  end
end
