-- ConfusionMatrix: counts how often class t was taken for class p: mat[t][p].

local torch = require "torch"
local raise = require("torch.caller").raise

return function(optim)
  local ConfusionMatrix = torch.class("optim.ConfusionMatrix", optim)

  --- optim.ConfusionMatrix(n [, names]); optim.ConfusionMatrix(names)
  --
  -- Counts how often class t was taken for class p, in confusion.mat[t][p].  tostring shows the counts and
  -- shares.
  --
  -- n: how many classes
  -- names: table of the classes' names
  -- Returns: an optim.ConfusionMatrix
  -- From: Torch7
  -- Example:
  --   optim.ConfusionMatrix({ "cat", "dog" }).nclasses --> 2
  function ConfusionMatrix:__init(n, names)
    if type(n) == "table" then n, names = #n, n end
    if math.tointeger(n) == nil or n < 1 then raise("optim.ConfusionMatrix: how many classes?") end
    n = math.tointeger(n)
    self.nclasses, self.classes = n, names or {}
    self.mat = torch.LongTensor(n, n):zero()
    self.valids, self.unionvalids = torch.FloatTensor(n):zero(), torch.FloatTensor(n):zero()
    self.totalValid, self.averageValid, self.averageUnionValid = 0, 0, 0
  end

  --- confusion:zero()
  --
  -- Forgets all counts.
  --
  -- Returns: the matrix
  -- From: Torch7
  -- Example:
  --   confusion = optim.ConfusionMatrix(2)
  --   confusion:add(1, 2)
  --   confusion:zero().mat:sum() --> 0
  function ConfusionMatrix:zero()
    self.mat:zero()
    self.valids:zero()
    self.unionvalids:zero()
    self.totalValid, self.averageValid, self.averageUnionValid = 0, 0, 0
    return self
  end

  -- The class that a number, or a tensor with a score for each class, stands for.
  local function class_of(value, what)
    if type(value) == "number" then return math.tointeger(value) or raise("a %s of %s", what, value) end
    if not torch.isTensor(value) or value:nElement() == 0 then
      raise("optim.ConfusionMatrix: the %s must be a class or a vector of scores", what)
    end
    if value:nElement() == 1 then return math.tointeger(value:item()) end
    local _, places = torch.max(value:detach():contiguous():view(value:nElement()), 1)
    return places:view(1)[1]
  end

  function ConfusionMatrix:_add(p, t)
    if t < 1 then return end -- no target
    if t > self.nclasses or p < 1 or p > self.nclasses then
      raise("optim.ConfusionMatrix: class %d taken for %d; there are %d classes", t, p, self.nclasses)
    end
    self.mat[t][p] = self.mat[t][p] + 1
  end

  --- confusion:add(prediction, target); confusion:batchAdd(predictions, targets)
  --
  -- Counts one prediction, or a batch of them.  Targets below 1 are ignored.
  --
  -- prediction, target: a class, or a vector of scores, whose largest one says the class
  -- predictions, targets: tensors: a class, or a row of scores, for each sample
  -- Errors: a class is greater than the number of them; the numbers of samples differ
  -- From: Torch7
  -- Example:
  --   confusion = optim.ConfusionMatrix(2)
  --   confusion:add(torch.Tensor { 0.1, 0.9 }, 1)
  --   confusion:batchAdd(torch.LongTensor { 1, 2 }, torch.LongTensor { 1, 2 })
  --   confusion.mat[1][2], confusion.mat:sum() --> 1 3
  function ConfusionMatrix:add(prediction, target)
    self:_add(class_of(prediction, "prediction"), class_of(target, "target"))
  end

  -- A LongTensor of classes from classes, n by 1 of them, or n by classes of scores.
  local function classes_of(values, what)
    if not torch.isTensor(values) then
      raise("optim.ConfusionMatrix: the %ss must be a tensor, got %s", what, torch.type(values))
    end
    values = values:detach()
    if values:dim() == 1 or (values:dim() == 2 and values:size(2) == 1) then
      return values:to("int64"):cpu():contiguous():view(values:nElement())
    end
    if values:dim() ~= 2 then
      raise("optim.ConfusionMatrix: the %ss have %d dimensions, not 1 or 2", what, values:dim())
    end
    local _, places = torch.max(values, 2)
    return places:cpu():contiguous():view(values:size(1))
  end

  function ConfusionMatrix:batchAdd(predictions, targets)
    local p, t = classes_of(predictions, "prediction"), classes_of(targets, "target")
    local n = self.nclasses
    if p:nElement() ~= t:nElement() then
      raise("optim.ConfusionMatrix: %d predictions for %d targets", p:nElement(), t:nElement())
    end
    if t:nElement() == 0 then return end
    local known = torch.ge(t, 1)
    if not known:all() then
      t, p = t:maskedSelect(known), p:maskedSelect(known)
      if t:nElement() == 0 then return end
    end
    if t:max() > n or p:min() < 1 or p:max() > n then
      raise("optim.ConfusionMatrix: a class outside 1 to %d", n)
    end
    local places = (t - 1):mul(n):add(p)
    self.mat:view(n * n):indexAdd(1, places, torch.LongTensor(places:nElement()):fill(1))
  end

  --- confusion:updateValids()
  --
  -- Computes the fields totalValid (the share that is right), averageValid (the mean of the classes'
  -- shares), averageUnionValid (right over right and wrong of either kind), valids and unionvalids.
  --
  -- Returns: the matrix
  -- From: Torch7
  -- Example:
  --   confusion = optim.ConfusionMatrix(2)
  --   confusion:batchAdd(torch.LongTensor { 1, 2, 2, 2 }, torch.LongTensor { 1, 2, 2, 1 })
  --   confusion:updateValids().totalValid --> 0.75
  function ConfusionMatrix:updateValids()
    local rows, right, all = {}, 0, 0
    local columns = {}
    for t, row in ipairs(self.mat:totable()) do
      rows[t] = 0
      for p, count in ipairs(row) do
        rows[t] = rows[t] + count
        columns[p] = (columns[p] or 0) + count
        all = all + count
        if p == t then right = right + count end
      end
    end
    local sum, union, seen = 0, 0, 0
    for t = 1, self.nclasses do
      local hits = self.mat[t][t]
      local valid, joint = hits / rows[t], hits / (rows[t] + columns[t] - hits)
      self.valids[t], self.unionvalids[t] = valid, joint
      if rows[t] > 0 then sum, union, seen = sum + valid, union + joint, seen + 1 end
    end
    self.totalValid, self.averageValid, self.averageUnionValid = right / all, sum / seen, union / seen
    return self
  end

  --- confusion:farFrr()
  --
  -- False rejection and false acceptance rates.
  --
  -- Returns: four vectors: the rejection rates of all classes (-1 for one without samples), their
  --   acceptance rates, then both of the classes that have samples
  -- From: Torch7
  -- Example:
  --   confusion = optim.ConfusionMatrix(2)
  --   confusion:batchAdd(torch.LongTensor { 1, 1 }, torch.LongTensor { 1, 2 })
  --   rejected, accepted = confusion:farFrr()
  --   rejected[2], accepted[1] --> 1.0 1.0
  function ConfusionMatrix:farFrr()
    local counts, totals = self.mat:totable(), {}
    for t, row in ipairs(counts) do
      totals[t] = 0
      for _, count in ipairs(row) do totals[t] = totals[t] + count end
    end
    local class_frr, class_far, frr, far = {}, {}, {}, {}
    for i = 1, self.nclasses do
      class_frr[i], class_far[i] = -1, -1
      if totals[i] > 0 then
        local share, others = 0, 0
        for j = 1, self.nclasses do
          if j ~= i and totals[j] > 0 then share, others = share + counts[j][i] / totals[j], others + 1 end
        end
        class_frr[i], class_far[i] = 1 - counts[i][i] / totals[i], share / others
        frr[#frr + 1], far[#far + 1] = class_frr[i], class_far[i]
      end
    end
    return torch.Tensor(class_frr), torch.Tensor(class_far), torch.Tensor(frr), torch.Tensor(far)
  end

  -- For each class the share of its samples that is right, and of all samples that is its own; rows of
  -- shares.
  local function shares(self)
    local rows, total, right, own = {}, 0, {}, {}
    for t, counts in ipairs(self.mat:totable()) do
      own[t] = 0
      for _, count in ipairs(counts) do own[t] = own[t] + count end
      total = total + own[t]
      rows[t] = {}
      for p, count in ipairs(counts) do rows[t][p] = count / math.max(own[t], 1) end
      right[t] = rows[t][t]
    end
    for t = 1, #own do own[t] = own[t] / math.max(total, 1) end
    return rows, right, own
  end

  -- Two bars for a class: its share of the samples, and below it how much of it is right.
  local function draw_legend(picture, row, block, left, width, own, right)
    local half = block // 2
    for _, bar in ipairs { { 0, half, own }, { half, block - half, right } } do
      local length = math.floor(bar[3] * width + 0.5)
      if length > 0 and bar[2] > 0 then
        picture:narrow(2, row + bar[1], bar[2]):narrow(3, left, length):fill(bar[1] == 0 and 0.5 or 0.9)
      end
    end
  end

  --- confusion:render([sortmode [, display [, block [, legendwidth]]]])
  --
  -- The matrix as a picture: a square for each pair of classes, the brighter the more of the class's samples;
  -- on the right for each class its share of all samples and how much of it is right, as bars.  The classes
  -- are sorted.
  --
  -- sortmode: "score", the default: the class that is right most often first; "occurrence": the most frequent
  -- display: true prints the squares
  -- block: how many pixels a square is wide; 25 by default
  -- legendwidth: how wide the right part is; 200 by default
  -- Returns: a tensor, 3 x height x width, of numbers from 0 to 1; the order of the classes as a table
  -- Errors: sortmode or a size is something else
  -- From: Torch7, without its text
  -- Example:
  --   confusion = optim.ConfusionMatrix(2)
  --   confusion:batchAdd(torch.LongTensor { 1, 2 }, torch.LongTensor { 1, 2 })
  --   table.concat(confusion:render("score", false, 10, 20).shape, "x") --> 3x20x40
  function ConfusionMatrix:render(sortmode, display, block, legendwidth)
    sortmode, block, legendwidth = sortmode or "score", block or 25, legendwidth or 200
    if sortmode ~= "score" and sortmode ~= "occurrence" then
      raise("confusion:render: sort mode '%s', wanted 'score' or 'occurrence'", tostring(sortmode))
    end
    if math.tointeger(block) == nil or block < 1 or math.tointeger(legendwidth) == nil or legendwidth < 0 then
      raise("confusion:render: block and legendwidth must be whole numbers that are not negative")
    end
    local rows, right, own = shares(self)
    local key, order, n = sortmode == "score" and right or own, {}, self.nclasses
    for t = 1, n do order[t] = t end
    table.sort(order, function(a, b)
      if key[a] ~= key[b] then return key[a] > key[b] end
      return a < b
    end)
    local small = torch.FloatTensor(n, n)
    local picture = torch.FloatTensor(3, n * block, n * block + legendwidth):zero()
    for i, t in ipairs(order) do
      local first = (i - 1) * block + 1
      for j, p in ipairs(order) do
        small[i][j] = rows[t][p]
        picture:narrow(2, first, block):narrow(3, (j - 1) * block + 1, block):fill(rows[t][p])
      end
      if legendwidth > 0 then
        draw_legend(picture, first, block, n * block + 1, legendwidth, own[t], right[t])
      end
    end
    for i = block, n * block, block do -- a grid
      if block > 1 then
        picture:select(2, i):narrow(2, 1, n * block):fill(0.1)
        picture:select(3, i):fill(0.1)
      end
    end
    if display then print(require("plot").digit(small)) end
    return picture, order
  end

  local function percent(x)
    return ("%.3f%%"):format(x * 100)
  end

  function ConfusionMatrix:__tostring__()
    self:updateValids()
    local width = math.max(8, #tostring(self.mat:max()) + 1)
    local lines = { "ConfusionMatrix:" }
    for t, row in ipairs(self.mat:totable()) do
      local cells = {}
      for p, count in ipairs(row) do cells[p] = ("%" .. width .. "d"):format(count) end
      lines[#lines + 1] = ("%s%s%s  %s%s"):format(t == 1 and "[[" or " [", table.concat(cells),
        t == self.nclasses and "]]" or "] ", percent(self.valids[t]),
        self.classes[t] and (" \t[class: %s]"):format(self.classes[t]) or "")
    end
    lines[#lines + 1] = " + average row correct: " .. percent(self.averageValid)
    lines[#lines + 1] = " + average rowUcol correct (VOC measure): " .. percent(self.averageUnionValid)
    lines[#lines + 1] = " + global correct: " .. percent(self.totalValid)
    return table.concat(lines, "\n")
  end
end
