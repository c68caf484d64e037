-- recurrent: RNN, LSTM, GRU and their cells.
local torch = require "torch"
local nn = require "nn"

local function rand(...) return torch.randn(...):double() end

local list = {
  { "RNN with relu", make = function() return nn.RNN(3, 4, { nonlinearity = "relu" }) end,
    input = { 5, 2, 3 }, golden = "rnn relu" },
  { "LSTM projected", make = function() return nn.LSTM(3, 4, { numLayers = 2, projSize = 2 }) end,
    input = { 5, 2, 3 }, golden = "lstm projected", small = { input = { 3, 2, 2 },
      make = function() return nn.LSTM(2, 3, { numLayers = 2, projSize = 2 }) end } },
  { "LSTM with states", make = function() return nn.LSTM(3, 4) end,
    input = function() return { rand(3, 2, 3), { rand(1, 2, 4), rand(1, 2, 4) } } end },
  { "LSTM of a packed sequence", make = function() return nn.LSTM(2, 3, { bidirectional = true }) end,
    input = function() return { data = rand(6, 2), batchSizes = torch.LongTensor { 3, 2, 1 } } end },
  { "LSTM with dropout", make = function() return nn.LSTM(2, 3, { numLayers = 2, dropout = 0.5 }) end,
    input = { 3, 2, 2 } },
  { "RNNCell", make = function() return nn.RNNCell(3, 4) end,
    input = function() return { rand(2, 3), rand(2, 4) } end, golden = "rnn cell" },
  { "RNNCell with relu", make = function() return nn.RNNCell(3, 4, { nonlinearity = "relu" }) end,
    input = function() return { rand(2, 3), rand(2, 4) } end, golden = "rnn cell relu" },
  { "RNNCell of one sample", make = function() return nn.RNNCell(3, 4, { bias = false }) end,
    input = function() return { rand(3), rand(4) } end },
  { "GRUCell", make = function() return nn.GRUCell(3, 4) end,
    input = function() return { rand(2, 3), rand(2, 4) } end, golden = "gru cell" },
  { "LSTMCell", make = function() return nn.LSTMCell(3, 4) end,
    input = function() return { rand(2, 3), { rand(2, 4), rand(2, 4) } } end },
}

for _, kind in ipairs { "RNN", "GRU", "LSTM" } do
  local name = kind:lower()
  local function add(what, options, input, golden)
    list[#list + 1] = { kind .. what, make = function() return nn[kind](3, 4, options) end, input = input,
      golden = golden and name .. golden, exact = input[1] > 1, -- one step sees no state
      small = #input == 3 and input[1] > 1 and { input = { 2, 3, 2 },
        make = function() return nn[kind](2, 2, options) end } or nil }
  end
  add("", nil, { 5, 2, 3 }, "")
  add(" of two layers in both directions", { numLayers = 2, bidirectional = true, batchFirst = true },
    { 2, 5, 3 }, " deep")
  add(" of one sample without bias", { bias = false }, { 5, 3 }, " one sample")
  add(" of one step of one", nil, { 1, 1, 3 })
end

return list
