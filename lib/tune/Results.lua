-- Results: what the trials of a search gave: the best one, a table, a file.

local plain = require "train.plain"
local raise = require("torch.caller").raise

local FORMAT = "cresset.tune"

return function(tune, torch)
  local Results = torch.class("tune.Results", tune)

  --- tune.Results(mode)
  --
  -- What the trials of a search gave, as tune.run gives it.  tostring(results) is a table, the best first.
  --
  -- mode: "min" or "max": which score is better
  -- Returns: an object with the field trials, a list of tables: number, config, budget, score or error,
  --   seconds, reports
  -- Example:
  --   #tune.Results("min").trials --> 0
  function Results:__init(mode)
    self.mode, self.trials, self._by_key = mode, {}, {}
  end

  local function key_of(number, budget)
    return budget and ("%d@%.17g"):format(number, budget) or tostring(number)
  end

  function Results:_find(number, budget) return self._by_key[key_of(number, budget)] end

  function Results:_add(trial)
    local key = key_of(trial.number, trial.budget)
    if self._by_key[key] then
      for i, t in ipairs(self.trials) do
        if t == self._by_key[key] then table.remove(self.trials, i) break end
      end
    end
    self._by_key[key] = trial
    self.trials[#self.trials + 1] = trial
  end

  -- Whether trial a is better than b: the larger budget first, then the score; what failed comes last.
  local function better(mode, a, b)
    local failed_a, failed_b = a.score == nil or a.score ~= a.score, b.score == nil or b.score ~= b.score
    if failed_a ~= failed_b then return failed_b end
    if not failed_a then
      if a.budget ~= b.budget then return (a.budget or 0) > (b.budget or 0) end
      if a.score ~= b.score then
        if mode == "max" then return a.score > b.score end
        return a.score < b.score
      end
    end
    if a.number ~= b.number then return a.number < b.number end
    return (a.budget or 0) > (b.budget or 0)
  end

  --- results:sorted(); results:best()
  --
  -- The trials, the best first: with budgets, those of the largest first.  The best one alone.
  --
  -- Returns: sorted: a list of trials; best: a trial, or nil where none has a score
  -- Example:
  --   f = function(c) return (c.x - 2) ^ 2 end
  --   results = tune.run(f, tune.grid { x = { 1, 2, 3 } }, { progress = false })
  --   results:best().config.x, results:sorted()[3].score --> 2 1.0
  function Results:sorted()
    local list = { table.unpack(self.trials) }
    table.sort(list, function(a, b) return better(self.mode, a, b) end)
    return list
  end

  function Results:best()
    local first = self:sorted()[1]
    return first and first.score and first.score == first.score and first or nil
  end

  -- ---- as a text --------------------------------------------------------------------------------------

  local function value_text(value)
    if math.type(value) == "float" then return ("%.4g"):format(value) end
    if type(value) ~= "table" or torch.typename(value) then return tostring(value) end
    local parts = {}
    for _, v in ipairs(value) do parts[#parts + 1] = value_text(v) end
    return "{" .. table.concat(parts, ", ") .. "}"
  end

  -- Names and values, those of tables inside as "optimizer.lr".
  local function flatten(config, prefix, into)
    for name, value in pairs(config) do
      name = prefix .. tostring(name)
      if type(value) == "table" and not torch.typename(value) and value[1] == nil and next(value) ~= nil then
        flatten(value, name .. ".", into)
      else
        into[name] = value_text(value)
      end
    end
    return into
  end

  local function config_text(config)
    local values, parts = flatten(config, "", {}), {}
    for name in pairs(values) do parts[#parts + 1] = name end
    table.sort(parts)
    for i, name in ipairs(parts) do parts[i] = name .. " = " .. values[name] end
    return table.concat(parts, ", ")
  end
  tune._text = config_text

  local function columns(trials)
    local names, seen, budgets = {}, {}, false
    for _, t in ipairs(trials) do
      budgets = budgets or t.budget ~= nil
      for name in pairs(flatten(t.config, "", {})) do
        if not seen[name] then names[#names + 1] = name end
        seen[name] = true
      end
    end
    table.sort(names)
    return names, budgets
  end

  --- results:table([n])
  --
  -- The trials as lines of text, the best first.
  --
  -- n: how many at most
  -- Returns: a string
  -- Example:
  --   results = tune.run(function(c) return c.x end, tune.grid { x = { 3, 1 } }, { progress = false })
  --   results:table(1):match("trial%s+score%s+x") ~= nil --> true
  function Results:table(n)
    local trials = self:sorted()
    local names, budgets = columns(trials)
    local head = { "trial", "score" }
    if budgets then head[3] = "budget" end
    for _, name in ipairs(names) do head[#head + 1] = name end
    local rows = { head }
    for i = 1, math.min(n or #trials, #trials) do
      local t = trials[i]
      local row = { tostring(t.number), t.score and ("%.6g"):format(t.score) or "failed" }
      if budgets then row[3] = value_text(t.budget) end
      local values = flatten(t.config, "", {})
      for _, name in ipairs(names) do row[#row + 1] = values[name] or "" end
      if t.error then row[#row + 1] = t.error:match("^[^\n]*") end
      rows[#rows + 1] = row
    end
    local widths = {}
    for _, row in ipairs(rows) do
      for c = 1, #head do widths[c] = math.max(widths[c] or 0, utf8.len(row[c]) or #row[c]) end
    end
    for r, row in ipairs(rows) do
      for c = 1, #head do row[c] = row[c] .. (" "):rep(widths[c] - (utf8.len(row[c]) or #row[c])) end
      rows[r] = table.concat(row, "  "):gsub("%s+$", "")
    end
    return table.concat(rows, "\n")
  end

  function Results:__tostring__() return self:table() end

  -- ---- as a file --------------------------------------------------------------------------------------

  function Results:_save(path)
    torch.save(path, { format = FORMAT, mode = self.mode, trials = plain.encode(self.trials) })
  end

  local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then return a == b or a ~= a and b ~= b end
    for k, v in pairs(a) do
      if not same(v, b[k]) then return false end
    end
    for k in pairs(b) do
      if a[k] == nil then return false end
    end
    return true
  end

  -- Whether the trial that a file has under this number is of this configuration.
  function Results:_check(number, config, path)
    for _, t in ipairs(self.trials) do
      if t.number == number and not same(t.config, config) then
        raise("tune: %s has trial %d with %s, and here it is %s: the file is of another search", path, number,
          config_text(t.config), config_text(config))
      end
    end
  end

  --- tune.load(path)
  --
  -- What a search has written to its file so far.
  --
  -- path: the file's name
  -- Returns: a tune.Results
  -- Errors: the file cannot be read or is something else
  -- Example:
  --   options = { progress = false, file = "trials.t7" }
  --   tune.run(function(c) return c.x end, tune.grid { x = { 3, 1 } }, options)
  --   tune.load("trials.t7"):best().config.x --> 1
  function tune.load(path)
    local value = torch.load(path)
    if type(value) ~= "table" or value.format ~= FORMAT or type(value.trials) ~= "table" then
      raise("tune.load: %s is not what a search writes", path)
    end
    local results = Results(value.mode)
    for _, trial in ipairs(plain.decode(value.trials)) do results:_add(trial) end
    return results
  end
end
