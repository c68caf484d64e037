-- cases: writes what the operators of tests/operators give for random shapes and numbers, as Python, for
-- compare.py.
--
--   cresset tests/peer/cases.lua ROUNDS SEED > cases.py
local inputs = dofile "tests/operators/inputs.lua"

local rounds, seed = tonumber(arg[1] or 3), tonumber(arg[2] or 1)
local types = { all = { "float32", "float64", "int64", "int32", "uint8", "bool" },
  number = { "float32", "float64", "int64", "int32", "uint8" }, float = { "float32", "float64" },
  int = { "int64", "int32", "uint8" }, wide = { "float32", "float64" } }

local function literal(v)
  if v == true then return "True" elseif v == false then return "False" end
  if v ~= v then return "nan" end
  if v == math.huge or v == -math.huge then return v > 0 and "inf" or "-inf" end
  return math.type(v) == "integer" and tostring(v) or ("%.17g"):format(v)
end

local function flat(value, out)
  if type(value) ~= "table" then
    out[#out + 1] = literal(value)
  else
    for _, v in ipairs(value) do flat(v, out) end
  end
  return out
end

-- T(dtype, shape, elements)
local function tensor(x)
  return ("T('%s', [%s], [%s])"):format(x.dtype, table.concat(x.shape, ","),
    table.concat(flat(x:totable(), {}), ","))
end

local function list(tensors)
  local out = {}
  for i, x in ipairs(tensors) do out[i] = tensor(x) end
  return "[" .. table.concat(out, ", ") .. "]"
end

local function random_sizes(entry)
  local least = entry.least or 1
  local sizes = {}
  for letter in ("abcd"):gmatch "." do sizes[letter] = least + math.floor(inputs.random() * 5) end
  return sizes
end

local function write_case(entry, dtype, round)
  inputs.seed(entry.label, seed * 1000003 + round)
  local sizes = random_sizes(entry)
  local args = inputs.of(entry, dtype, sizes)
  for i, x in ipairs(args) do args[i] = inputs.relaid(x, "transposed") or x end
  local results = inputs.tensors(entry.call(table.unpack(args)))
  print(("case(%q, '%s', %q, dict(A=%d, B=%d, C=%d, D=%d), %s, %s, %g)"):format(entry.label, dtype,
    entry.peer, sizes.a, sizes.b, sizes.c, sizes.d, list(args), list(results), entry.loose or 1))
end

for _, entry in ipairs(dofile "tests/operators/init.lua") do
  if entry.peer then
    for _, dtype in ipairs(types[entry.types]) do
      for round = 1, rounds do write_case(entry, dtype, round) end
    end
  end
end
