-- test_xlua: progress bars.
local torch = require "torch"
local xlua = require "xlua"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- All that f writes.
local function written(f)
  local write, out = io.write, {}
  io.write = function(...) -- luacheck: ignore
    for i = 1, select("#", ...) do out[#out + 1] = tostring((select(i, ...))) end
  end
  local ok, err = pcall(f)
  io.write = write -- luacheck: ignore
  if not ok then error(err, 0) end
  return table.concat(out)
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  return lines
end

-- As if the output were a terminal, or none.
local function make(total, title, live)
  local bar = xlua.Progress(total, title)
  bar.live, bar.colour = live, false
  return bar
end

function tests.formatTime()
  local cases = { [0] = "0ms", [0.0125] = "12ms", [1.5] = "1s500ms", [59] = "59s", [61] = "1m1s",
    [3600] = "1h", [3725] = "1h2m", [90061] = "1D1h", [math.huge] = "?" }
  for seconds, text in pairs(cases) do tester:eq(xlua.formatTime(seconds), text) end
end

function tests.plain_lines()
  local text = written(function()
    local bar = make(1000, "epoch 1", false)
    for i = 1, 1000 do bar:update(i, { loss = 1 / i, accuracy = 0.5 }) end
    bar:finish()
  end)
  local lines = lines_of(text)
  tester:eq(#lines, 4, text)
  for q, line in ipairs(lines) do
    tester:assert(line:find(("epoch 1: %3d %%%%  %d/1000"):format(25 * q, 250 * q)) == 1, line)
    tester:assert(line:find("accuracy 0%.5000  loss 0%.00") ~= nil, line)
  end
  tester:assert(text:find("\r") == nil and text:find("\27") == nil)
end

function tests.few_steps()
  tester:eq(#lines_of(written(function()
    local bar = make(2, nil, false)
    bar:update(1)
    bar:update(2)
    bar:update(2)
  end)), 2)
  tester:eq(#lines_of(written(function() make(1, nil, false):update(1) end)), 1)
  written(function() make(0, nil, false):update(0):finish() end)
end

function tests.bars()
  local text = written(function()
    local bar = make(100000, "train", true)
    for i = 1, 100000 do bar:update(i, { loss = 0.25 }) end
  end)
  local count = select(2, text:gsub("\r", ""))
  tester:assert(count >= 2 and count <= 30, "drawn " .. count .. " times")
  tester:assert(text:sub(-1) == "\n")
  tester:assert(text:find("train %[=+%] 100 %%  100000/100000  .*/s  in .*loss 0%.2500") ~= nil, text)
end

function tests.bars_that_end_early()
  local text = written(function()
    local bar = make(100, nil, true)
    bar:update(50)
    bar:finish("stopped")
    bar:finish()
    bar:update(60)
  end)
  tester:assert(text:find("stopped") ~= nil and text:sub(-1) == "\n")
  tester:eq(select(2, text:gsub("\n", "")), 1)
end

function tests.torch7_form()
  local text = written(function()
    for _ = 1, 2 do
      for i = 1, 40 do xlua.progress(i, 40, "fine") end
    end
  end)
  if text:find("\r") == nil then
    tester:eq(#lines_of(text), 8, text)
    tester:assert(lines_of(text)[8]:find("100 %%  40/40 .*fine") ~= nil, text)
  end
  tester:assertErrorPattern(function() xlua.Progress() end, "number of steps")
end

function tests.extras()
  local text = written(function()
    local bar = make(1, nil, false)
    bar:update(1, { loss = torch.scalar(0.5), step = 3, rate = 1e-5, name = "x" })
  end)
  tester:assert(text:find("loss 0%.5000  name x  rate 1e%-05  step 3") ~= nil, text)
end

tester:add(tests):run()
