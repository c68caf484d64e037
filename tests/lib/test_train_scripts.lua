-- test_train_scripts: the training scripts learn in mixed precision what they learn in float32.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local tree = io.popen("pwd"):read("l")
local folder = io.popen("mktemp -d"):read("l") -- some scripts write their models where they are
local program = io.popen("readlink /proc/$PPID/exe"):read("l")

-- The numbers of the last line that has "loss" in it, without rates.
local function run(script, options, precision)
  local log = io.popen(("cd '%s' && '%s' '%s/scripts/train_%s.lua' %s -seed 2 -precision %s 2>&1"):format(
    folder, program, tree, script, options, precision))
  local found, text = nil, log:read "a"
  for line in text:gmatch "[^\n]+" do found = line:match "loss (%-?[%d.]+)" or found end
  tester:assert(found ~= nil, script .. " in " .. precision .. ": " .. text)
  return tonumber(found) or 0 / 0
end

-- float16: how far its loss may be; most of the first steps of the last two are left out, as the factor of
-- their losses is too large at first.
for script, case in pairs {
  char_lstm = { "-steps 15 -every 15 -hidden 32 -layers 1 -batch 8 -write 2 -threads 1" },
  gpt = { "-steps 15 -every 15 -size 16 -layers 1 -context 16 -batch 4 -length 2 -threads 1" },
  mnist = { "-digits 200 -epochs 1 -batch 20" },
  resnet = { "-images 100 -epochs 1 -width 4 -threads 1" },
  seq2seq = { "-steps 15 -every 15 -test 5 -hidden 16 -threads 1" },
  treelstm = { "-steps 15 -every 15 -test 5 -hidden 16 -threads 1" },
  vae = { "-digits 500 -epochs 2 -hidden 50 -threads 1", float16 = 0.5 },
  dcgan = { "-steps 15 -every 15 -batch 8 -width 4 -threads 1", float16 = 0.5 },
} do
  tests[script] = function()
    local want = run(script, case[1], "float32")
    for name, bound in pairs { bf16 = 0.02, fp16 = case.float16 or 0.02 } do
      local got = run(script, case[1], name)
      local near = math.abs(got - want) <= bound * math.abs(want)
      tester:assert(near, ("%s: %g, wanted %g"):format(name, got, want))
    end
  end
end

tester:add(tests)
local ok, message = pcall(tester.run, tester)
os.execute("rm -r '" .. folder .. "'")
if not ok then error(message, 0) end
