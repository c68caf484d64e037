-- weightnorm.lua: weights given by their lengths and their directions.

local raise = require("torch.caller").raise

return function(nn, torch)
  local utils = nn.utils

  -- The norm of v for each place of a dimension, in a shape that broadcasts to v; of all of v without dim.
  local function lengths(v, dim)
    if not dim then return torch.norm(torch.reshape(v, v:nElement()), 2, 1):squeeze() end
    local rows = torch.reshape(torch.transpose(v, 1, dim), v:size(dim), v:nElement() // v:size(dim))
    local shape = {}
    for d = 1, v:dim() do shape[d] = d == dim and v:size(d) or 1 end
    return torch.reshape(torch.norm(rows, 2, 2), shape)
  end

  utils._kind("weightNorm", function(module, name, spec)
    local g, v = module[name .. "_g"], module[name .. "_v"]
    return torch.cmul(v, torch.cdiv(g, lengths(v, spec.dim)))
  end)

  --- nn.utils.weightNorm(module [, name [, dim]]); nn.utils.removeWeightNorm(module [, name])
  --
  -- Has a parameter computed as g v / ||v|| at each use, with the norm taken for each place of a
  -- dimension.  In its place the module has the parameters name_g and name_v.  removeWeightNorm makes it
  -- an ordinary one again.
  --
  -- module: nn.Module
  -- name: the parameter's name, "weight" by default
  -- dim: 1 to the parameter's last dimension, 1 by default; false takes the norm of all of it
  -- Returns: the module
  -- Errors: the module has no such parameter or dimension
  -- From: Salimans and Kingma, "Weight normalization", NeurIPS 2016, as in PyTorch
  -- Example:
  --   module = nn.utils.weightNorm(nn.Linear(3, 2))
  --   module.weight_g:size(1), module.weight_v:size(2) --> 2 3
  --   nn.utils.removeWeightNorm(module).weight_g --> nil
  function utils.weightNorm(module, name, dim)
    name = name or "weight"
    if dim == nil then dim = 1 end
    local own = module and module[name]
    if dim and torch.isTensor(own) and (math.type(dim) ~= "integer" or dim < 1 or dim > own:dim()) then
      raise("nn.utils.weightNorm: %s of %d dimensions has no dimension %s", name, own:dim(), tostring(dim))
    end
    local tensor = utils._replace("weightNorm", module, name, { kind = "weightNorm", dim = dim })
    module:registerParameter(name .. "_g", torch.noGrad(lengths, tensor, dim):clone())
    module:registerParameter(name .. "_v", tensor:clone())
    torch.noGrad(utils._derive, module)
    return module
  end

  function utils.removeWeightNorm(module, name)
    return utils._restore("removeWeightNorm", module, name or "weight", "weightNorm",
      { registerParameter = { "_g", "_v" } })
  end
end
