-- others: the functions of torch, torch.fft and torch.complex that have no entry in the table of operators,
-- by the reason why.  test_operator_table fails when a function is in neither.
local reasons = {}

local function list(reason, names)
  for name in names:gmatch("%S+") do
    assert(not reasons[name], name .. " is there twice")
    reasons[name] = reason
  end
end

list("makes tensors of numbers, sizes or other tensors' shapes", [[
  arange empty emptyLike eye fromfunction full fullLike geomspace identity linspace logspace ones onesLike
  range scalar tri trilIndices triuIndices zeros zerosLike Storage]])

list("draws random numbers: test_tensor_random and test_sampling", [[
  bernoulli beta binomial categorical cauchy chi2 choice dirichlet exponential gamma geometric gumbel
  gumbelSoftmax halfNormal laplace logNormal multinomial multinomialAlias multinomialAlias_
  multinomialAliasSetup multinomialAliasSetup_ normal permutation poisson rand randLike randint randintLike
  randn randnLike random randperm shuffle studentT truncatedNormal uniform vonMises weibull]])

list("the state of random numbers", [[
  getRNGState initialSeed manualSeed seed setRNGState]])

list("changes its first argument and returns it: test_tensor", "fill zero")

list("asks something of a tensor, or of any value", [[
  cdata data dim equal isequal isStorage isTensor isTypeOf numel pointer totable type typename]])

list("derivatives, graphs and functions of functions: test_autograd, test_function", [[
  Function checkpoint detectAnomaly enableGrad grad gradcheck gradgradcheck graph isAnomalyEnabled
  isGradEnabled noGrad setDetectAnomaly]])

list("mixed precision: test_autocast", [[autocast getAutocastDtype isAutocastEnabled]])

list("files and bytes: test_file, test_files", [[
  deserialize deserializeFromStorage load loadnpy loadnpz loadobj loadsafetensors save savenpy savenpz
  saveobj savesafetensors serialize serializeToStorage]])

list("classes: test_class", [[
  class factory getconstructortable getmetatable metatype newmetatable pushudata setmetatable]])

list("the interpreter and its settings", [[
  TestSuite getDefaultDevice getDefaultDtype getdefaulttensortype getenv getnumcores getnumthreads
  getprintoptions include isatty memory profile resetPeak
  packageLuaPath setDefaultDevice setdefaulttensortype setenv setheaptracking setmemorylimit setnumthreads
  setprintoptions test tic toc updateerrorhandlers updatethreadlocals version]])

return reasons
