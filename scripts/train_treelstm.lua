-- Trains a child-sum TreeLSTM to compute: Tai, Socher and Manning, "Improved semantic representations from
-- tree-structured long short-term memory networks", 2015.  The trees are expressions such as
--
--   (+ 3 (max 1 4) (* 2 2 3))      modulo 5
--
-- with two or three children a node, made at random; the network says the value of each node.  Every tree is
-- another graph, which plain recursion builds.
--
--   cresset scripts/train_treelstm.lua                   expressions of up to 4 levels, modulo 5
--   cresset scripts/train_treelstm.lua -modulus 7        harder
--   cresset scripts/train_treelstm.lua -save tree.t7     keeps the model; -load tree.t7 goes on from it
--   cresset scripts/train_treelstm.lua -help             all options
--
-- After 1,500 batches 92.8 % of 500 new trees are right; the most frequent value is that of 27 %.  This takes
-- 18 s on one core of a machine that other programs used too.

local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local MixedPrecision = require("train").MixedPrecision

-- ---- options ------------------------------------------------------------------------------------

local cmd = torch.CmdLine()
cmd:text "Trains a TreeLSTM to compute expressions."
cmd:option("-modulus", 5, "all numbers are below this")
cmd:option("-depth", 4, "levels of an expression, at most")
cmd:option("-steps", 1500, "batches to train on; no tree is seen twice but by chance")
cmd:option("-every", 100, "steps between two reports")
cmd:option("-batch", 16, "trees in a step")
cmd:option("-test", 500, "trees to test with")
cmd:option("-hidden", 128, "numbers that a node remembers")
cmd:option("-lr", 0.005, "learning rate of Adam, which falls along half a cosine")
cmd:option("-seed", 1, "of the random numbers")
cmd:option("-threads", 1, "of the CPU: a node is too small to be shared")
cmd:option("-device", "cpu", "cpu, or cuda for a GPU")
cmd:option("-precision", "float32", "float32, bfloat16 or float16, in which products and layers work")
cmd:option("-save", "", "file for the trained model")
cmd:option("-load", "", "file of a model to go on from")
local opt = cmd:parse(arg or {})

torch.manualSeed(opt.seed)
torch.setnumthreads(opt.threads)
if opt.device ~= "cpu" then torch.cuda.setDevice(opt.device) end -- an error where there is none

-- ---- trees --------------------------------------------------------------------------------------

local operators = {
  { name = "+", apply = function(a, b) return (a + b) % opt.modulus end },
  { name = "*", apply = function(a, b) return (a * b) % opt.modulus end },
  { name = "max", apply = math.max },
}

-- A leaf is { value }, another node { value, operator, child, child .. }: its symbol is the number of the
-- operator, or that of the leaf's value behind the operators.
local function make_tree(depth)
  if depth == 1 then
    local value = torch.random(0, opt.modulus - 1)
    return { value = value, symbol = #operators + 1 + value }
  end
  local which = torch.random(#operators)
  local node = { symbol = which }
  for i = 1, torch.random(2, 3) do
    node[i] = make_tree(torch.random(depth - 1))
    node.value = i == 1 and node[i].value or operators[which].apply(node.value, node[i].value)
  end
  return node
end

local function make_trees(n)
  local trees = {}
  for i = 1, n do trees[i] = make_tree(torch.random(2, opt.depth)) end
  return trees
end

local function write(node)
  if #node == 0 then return tostring(node.value) end
  local parts = { operators[node.symbol].name }
  for i, child in ipairs(node) do parts[i + 1] = write(child) end
  return "(" .. table.concat(parts, " ") .. ")"
end

-- ---- model --------------------------------------------------------------------------------------

local TreeLSTM, parent = torch.class("TreeLSTM", "nn.Module", {})

function TreeLSTM:__init(symbols, hidden, classes)
  parent.__init(self)
  self.hidden = hidden
  self.input = nn.Embedding(symbols, 4 * hidden) -- what a symbol adds to i, o, u and f: W x + b
  self.sum = nn.Linear(hidden, 3 * hidden) -- U of i, o and u
  self.forget = nn.Linear(hidden, hidden) -- U of f
  self.classify = nn.Linear(hidden, classes)
end

-- Appends the h of all nodes to hs and their values' classes to targets, the root last; gives h and c.
function TreeLSTM:node(tree, hs, targets)
  local H = self.hidden
  local x = self.input(torch.LongTensor { tree.symbol }:to(opt.device))
  local gates, c = x:narrow(2, 1, 3 * H), nil
  if #tree > 0 then
    local h_children, c_children = {}, {}
    for k, child in ipairs(tree) do h_children[k], c_children[k] = self:node(child, hs, targets) end
    local h = torch.cat(h_children, 1)
    gates = gates + self.sum(h:sum(1))
    local forget = torch.sigmoid(self.forget(h) + x:narrow(2, 3 * H + 1, H)) -- a gate for each child
    c = torch.cmul(forget, torch.cat(c_children, 1)):sum(1)
  end
  local i, o, u = table.unpack(gates:chunk(3, 2))
  local new = torch.cmul(torch.sigmoid(i), torch.tanh(u))
  c = c and new + c or new
  local h = torch.cmul(torch.sigmoid(o), torch.tanh(c))
  hs[#hs + 1], targets[#targets + 1] = h, tree.value + 1
  return h, c
end

-- Gives the logits of all nodes of the trees, the classes that are right, and the places of the roots.
function TreeLSTM:updateOutput(trees)
  local hs, targets, roots = {}, {}, {}
  for i, tree in ipairs(trees) do
    self:node(tree, hs, targets)
    roots[i] = #hs
  end
  return self.classify(torch.cat(hs, 1)), torch.LongTensor(targets):to(opt.device),
    torch.LongTensor(roots):to(opt.device)
end

local model = opt.load ~= "" and torch.load(opt.load)
  or TreeLSTM(#operators + opt.modulus, opt.hidden, opt.modulus)
if opt.device ~= "cpu" then model:cuda() end
local criterion = nn.CrossEntropyCriterion()
local optimizer = optim.Adam(model:parameters(), { lr = opt.lr })
local precision = MixedPrecision(opt.precision, opt.device)

-- ---- training -----------------------------------------------------------------------------------

local test = make_trees(opt.test)

-- The shares of roots whose value is right, and of those that have the most frequent value, in percent.
local function evaluate()
  local logits, targets, roots = torch.noGrad(model, test)
  local truth = targets:index(1, roots)
  local right = logits:index(1, roots):argmax(2):view(-1):eq(truth):sum()
  return 100 * right / #test, 100 * torch.bincount(truth):max() / #test
end

local timer = torch.Timer()
local sum, nodes, since, before = 0, 0, 0, 0
for step = 1, opt.steps do
  optimizer:set("lr", opt.lr * (1 + math.cos(math.pi * (step - 1) / opt.steps)) / 2)
  local logits, targets = precision:run(model, make_trees(opt.batch))
  local loss = precision:run(criterion, logits, targets)
  precision:step(optimizer, loss)
  sum, nodes, since = sum + loss:item(), nodes + targets:size(1), since + 1
  if step % opt.every == 0 or step == opt.steps then
    local rate = nodes / (timer:time().real - before)
    print(("step %d: loss %.4f, accuracy on test trees %.1f %%, %.0f nodes/s"):format(step, sum / since,
      (evaluate()), rate))
    sum, nodes, since, before = 0, 0, 0, timer:time().real
  end
end
local spent = timer:time()
print(("trained in %.1f s, %.1f s of processor time"):format(spent.real, spent.user + spent.sys))
if opt.save ~= "" then torch.save(opt.save, model:clearState()) end

for i = 1, math.min(5, #test) do
  local logits = torch.noGrad(model, { test[i] })
  local value = logits[logits:size(1)]:argmax() - 1
  print(("%s is %d, the model says %d"):format(write(test[i]), test[i].value, value))
end
print(("accuracy on %d test trees: %.1f %%; of the most frequent value: %.1f %%"):format(#test, evaluate()))
