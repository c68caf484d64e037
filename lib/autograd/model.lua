-- model: ready-made models as functions of their parameters.

local torch = require "torch"
local autograd = require "autograd"

local model = {}

--- autograd.model.NeuralNetwork(options)
--
-- Fully connected layers.
--
-- options: table of any of these:
--   inputFeatures: 10 by default
--   hiddenFeatures: table of the layers' sizes, { 100, 2 } by default
--   activations: name of an nn class, "ReLU" by default
--   classifier: true leaves the activation after the last layer out
--   batchNormalization: true adds an nn.BatchNormalization after each layer, but a classifier's last
--   dropoutProb: number for all layers, or dropoutProbs, a table; in front of each layer
-- Returns: a function of (params, input); params
-- From: torch-autograd
-- Example:
--   f, params = autograd.model.NeuralNetwork { inputFeatures = 4, hiddenFeatures = { 8, 3 } }
--   f(params, torch.ones(5, 4)):size(2), #params --> 3 2
function model.NeuralNetwork(options)
  options = options or {}
  local sizes, features = options.hiddenFeatures or { 100, 2 }, options.inputFeatures or 10
  local layers, params = {}, {}
  local function add(f, own)
    layers[#layers + 1] = { f = f, place = own and #params + 1 }
    params[#params + 1] = own
  end
  add(autograd.nn.Reshape(features))
  for i, size in ipairs(sizes) do
    local last = options.classifier and i == #sizes
    local p = options.dropoutProbs and options.dropoutProbs[i] or options.dropoutProb or 0
    if p > 0 then add(autograd.nn.Dropout(p)) end
    add(autograd.nn.Linear(features, size))
    if options.batchNormalization and not last then add(autograd.nn.BatchNormalization(size)) end
    if not last then add(autograd.nn[options.activations or "ReLU"]()) end
    features = size
  end
  return function(given, x)
    for _, layer in ipairs(layers) do
      if layer.place then x = layer.f(given[layer.place], x) else x = layer.f(x) end
    end
    return x
  end, params
end

-- What the recurrent models share: cell(p, x_t, state) -> h, state, over the steps of a sequence.
local function recurrent(options, gates, cell)
  options = options or {}
  local inputs, hidden = options.inputFeatures or 10, options.hiddenFeatures or 100
  local params = { {
    W = torch.zeros(inputs + hidden, gates * hidden), b = torch.zeros(1, gates * hidden),
  } }
  return function(given, x, state)
    local p, outputs = given[1] or given, {}
    if x:dim() == 2 then x = torch.reshape(x, 1, x:size(1), x:size(2)) end
    state = state or {}
    local start = torch.zeros(x:size(1), hidden, x:type())
    state = { h = state.h or start, c = state.c or start }
    for t = 1, x:size(2) do
      state = cell(torch.cat(torch.select(x, 2, t), state.h, 2) * p.W + p.b, state, hidden)
      outputs[t] = state.h
    end
    return options.outputType == "all" and torch.stack(outputs, 2) or state.h, state
  end, params
end

--- autograd.model.RecurrentNetwork(options); autograd.model.RecurrentLSTMNetwork(options)
--
-- A recurrent layer with tanh: h' = tanh([x h] W + b); or one of long short-term memory.  The parameters
-- begin at zero: give them random values before training.
--
-- options: table of any of these:
--   inputFeatures: 10 by default
--   hiddenFeatures: 100 by default
--   outputType: "last", or "all" for the outputs of all steps
-- Returns: a function of (params, x [, state]), which gives the output (batch x hidden, or batch x steps x
--   hidden) and the state, with which to go on; params.  x is steps x input or batch x steps x input
-- From: Hochreiter and Schmidhuber, "Long short-term memory", 1997, as in torch-autograd
-- Example:
--   options = { inputFeatures = 3, hiddenFeatures = 4, outputType = "all" }
--   f, params = autograd.model.RecurrentLSTMNetwork(options)
--   table.concat(f(params, torch.ones(2, 5, 3)).shape, "x") --> 2x5x4
function model.RecurrentNetwork(options)
  return recurrent(options, 1, function(a) return { h = torch.tanh(a) } end)
end

function model.RecurrentLSTMNetwork(options)
  return recurrent(options, 4, function(a, state, n)
    local gates = torch.sigmoid(a:narrow(2, 1, 3 * n))
    local function gate(i) return gates:narrow(2, (i - 1) * n + 1, n) end
    local new = torch.tanh(a:narrow(2, 3 * n + 1, n))
    local c = torch.cmul(gate(2), state.c) + torch.cmul(gate(1), new)
    return { h = torch.cmul(gate(3), torch.tanh(c)), c = c }
  end)
end

return model
