-- scripts: the training scripts learn on a device what they learn on the CPU, in float32 and in bfloat16.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local tree = arg[0]:gsub("[^/]*$", "") .. "../.."
local folder = io.popen("mktemp -d"):read("l") -- some scripts write their models where they are
local program = io.popen("readlink /proc/$PPID/exe"):read("l")
tree = io.popen("cd '" .. tree .. "' && pwd"):read("l")
local plugin = io.popen("readlink -f \"$CRESSET_CUDA\""):read("l") or "" -- "": looked for by itself

-- The number of the last line that has "loss" in it.
local function run(script, options, device, precision)
  local command = "cd '%s' && rm -rf digits.run && CRESSET_CUDA='%s' '%s' '%s/scripts/train_%s.lua' %s "
    .. "-seed 2 -device %s -precision %s 2>&1"
  local log = io.popen(command:format(folder, plugin, program, tree, script, options, device, precision))
  local found, text = nil, log:read "a"
  for line in text:gmatch "[^\n\r]+" do found = line:match "loss (%-?[%d.]+)" or found end
  tester:assert(found ~= nil, ("%s on %s in %s: %s"):format(script, device, precision, text))
  return tonumber(found) or 0 / 0
end

for script, options in pairs {
  char_lstm = "-steps 4 -every 4 -hidden 32 -layers 1 -batch 8 -write 2",
  gpt = "-steps 4 -every 4 -size 16 -layers 1 -context 16 -batch 4 -length 2",
  mnist = "-digits 60 -epochs 1 -batch 20",
  resnet = "-images 40 -epochs 1 -width 4",
  seq2seq = "-steps 3 -every 3 -test 2 -hidden 16",
  treelstm = "-steps 4 -every 4 -test 2 -hidden 16",
  vae = "-digits 100 -epochs 1 -hidden 50",
  dcgan = "-steps 3 -every 3 -batch 8 -width 4",
  digits_trainer = "-digits 60 -epochs 1 -batch 20",
} do
  tests[script] = function()
    local want = run(script, options, "cpu", "float32")
    for precision, bound in pairs { float32 = 2e-3, bf16 = 0.03 } do
      local got = run(script, options, "cuda", precision)
      local near = math.abs(got - want) <= bound * math.abs(want)
      tester:assert(near, ("%s: %g, wanted %g"):format(precision, got, want))
    end
  end
end

tester:add(tests)
local ok, message = pcall(tester.run, tester)
os.execute("rm -r '" .. folder .. "'")
if not ok then error(message, 0) end
