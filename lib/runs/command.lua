-- command: `cresset runs`: lists the runs of a folder, compares them, draws their curves.

local json = require "json"
local more_is_better = require "runs.better"
local paths = require "paths"
local plot = require "plot"
local read = require "runs.read"
local show = require "runs.show"

local USAGE = [=[
usage: cresset runs [DIR [NAME ..]] [options]
  DIR            a folder of runs, or one run (runs)
  NAME           only these runs; * stands for any text
  --metric A,B   these metrics (the first three)
  --sort A       by a metric's best value, an option, or name, started, duration, steps
  --reverse      the other way round
  --max A,B      metrics of which more is better, beside those called accuracy, score, reward ..
  --min A,B      metrics of which less is better
  --plot         the curves on the terminal
  --log          with a logarithmic axis
  -o FILE        the curves as a picture, .svg or .png; several metrics in files of their own
  --diff         the options, scripts and versions in which the runs differ
  --csv, --json  the table for other programs
Event files of other programs are listed too.]=]

local flags = { ["--reverse"] = "reverse", ["--plot"] = "plot", ["--log"] = "log", ["--diff"] = "diff",
  ["--csv"] = "csv", ["--json"] = "json", ["--help"] = "help", ["-h"] = "help" }
local values = { ["--metric"] = "metric", ["--sort"] = "sort", ["--max"] = "max", ["--min"] = "min",
  ["-o"] = "output" }

-- Ends the command with a message.
local function fail(...)
  error({ message = ("cresset runs: " .. string.format(...)) }, 0)
end

local function parse(words)
  local o, i = { names = {} }, 1
  while words[i] do
    local word = words[i]
    if flags[word] then
      o[flags[word]] = true
    elseif values[word] then
      i = i + 1
      o[values[word]] = words[i] or fail("%s needs a value", word)
    elseif word:find("^%-.") then
      fail("there is no option %s; --help lists them", word)
    elseif not o.dir then
      o.dir = word
    else
      o.names[#o.names + 1] = word
    end
    i = i + 1
  end
  o.dir = o.dir or "runs"
  return o
end

local function split(text)
  local list = {}
  for word in (text or ""):gmatch("[^,]+") do list[#list + 1] = word end
  return list
end

-- ---- which runs, which metrics ---------------------------------------------------------------------

local function pattern_of(name)
  return "^" .. name:gsub("[^%w*]", "%%%0"):gsub("%*", ".*") .. "$"
end

local function chosen_runs(o)
  if not paths.dirp(o.dir) then fail("there is no folder %s", o.dir) end
  local all = read.list(o.dir)
  if #all == 0 then fail("there are no runs in %s", o.dir) end
  if #o.names == 0 then return all end
  local list, taken = {}, {}
  for _, name in ipairs(o.names) do
    local pattern, found = pattern_of((name:gsub("/+$", ""))), false
    for _, run in ipairs(all) do
      if run.name:find(pattern) then
        found = true
        if not taken[run] then list[#list + 1] = run end
        taken[run] = true
      end
    end
    if not found then fail("no run in %s is called %s", o.dir, name) end
  end
  return list
end

-- Sets o.best[metric] = "min" or "max".
local function directions(o, names)
  o.best = {}
  for _, name in ipairs(names) do
    o.best[name] = more_is_better(name) and "max" or "min"
  end
  for _, kind in ipairs { "max", "min" } do
    for _, name in ipairs(split(o[kind])) do
      if not o.best[name] then fail("there is no metric '%s'", name) end
      o.best[name] = kind
    end
  end
end

-- The metrics to show: those asked for, or what most runs have, losses first.
local function chosen_metrics(o, comparison)
  local known, counts = {}, {}
  for _, name in ipairs(comparison.metrics) do
    known[name], counts[name] = true, 0
    for _, row in ipairs(comparison.rows) do
      if row.metrics[name] then counts[name] = counts[name] + 1 end
    end
  end
  if o.metric then
    local list = split(o.metric)
    for _, name in ipairs(list) do
      if not known[name] then
        fail("there is no metric '%s'; there are %s", name, table.concat(comparison.metrics, ", "))
      end
    end
    return list
  end
  local list = table.move(comparison.metrics, 1, #comparison.metrics, 1, {})
  table.sort(list, function(a, b)
    local x, y = a:find("loss") and 1 or 0, b:find("loss") and 1 or 0
    if a == o.sort or b == o.sort then return a == o.sort and b ~= o.sort end
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    if x ~= y then return x > y end
    return a < b
  end)
  return table.move(list, 1, 3, 1, {})
end

local fields = { name = true, started = true, duration = true, steps = true }

local function sort(o, rows, metrics)
  local known = {}
  local key
  for _, name in ipairs(metrics) do known[name] = true end
  if fields[o.sort] then
    key = function(row) return row[o.sort] end
  elseif known[o.sort] then
    key = function(row)
      local m = row.metrics[o.sort]
      local best = m and m[o.best[o.sort]]
      return best and (o.best[o.sort] == "max" and -best or best)
    end
  else
    local found = false
    for _, row in ipairs(rows) do found = found or row.options[o.sort] ~= nil end
    if not found then fail("there is no metric and no option '%s' to sort by", o.sort) end
    key = function(row) return row.options[o.sort] end
  end
  local place = {}
  for i, row in ipairs(rows) do place[row] = i end
  table.sort(rows, function(a, b)
    local x, y = key(a), key(b)
    if x == nil or y == nil or x == y then
      if (x == nil) ~= (y == nil) then return y == nil end -- what has no value comes last
      return place[a] < place[b]
    end
    if type(x) ~= type(y) or type(x) == "boolean" then x, y = tostring(x), tostring(y) end
    if o.reverse then return x > y end
    return x < y
  end)
end

-- ---- curves ----------------------------------------------------------------------------------------

local MOST_POINTS = 2000

-- {name, xs, ys}, thinned out where a picture could not show more.
local function curve(row, metric)
  local all = row.run.metrics[metric]
  local xs, ys, stride = {}, {}, math.max(1, math.ceil(#all.values / MOST_POINTS))
  for i = 1, #all.values, stride do xs[#xs + 1], ys[#ys + 1] = all.steps[i], all.values[i] end
  if (#all.values - 1) % stride ~= 0 then
    xs[#xs + 1], ys[#ys + 1] = all.steps[#all.steps], all.values[#all.values]
  end
  return { show.clean(row.name), xs, ys }
end

local function curves_of(comparison, metric)
  local list = {}
  for _, row in ipairs(comparison.rows) do
    if row.metrics[metric] then list[#list + 1] = curve(row, metric) end
  end
  return list
end

local function draw(o, comparison, metrics)
  if #metrics == 0 then fail("there is no metric to draw") end
  local stem, ending = (o.output or ""):match("^(.*)(%.%w+)$")
  if o.output and ending ~= ".svg" and ending ~= ".png" then
    fail("-o %s: a name that ends in .svg or .png is wanted", o.output)
  end
  for _, metric in ipairs(metrics) do
    local list = curves_of(comparison, metric)
    local options = { title = show.clean(metric), xlabel = "step", logscale = o.log }
    if #list > 0 and o.plot then print(plot.text(list, options)) end
    if #list > 0 and o.output then
      local name = #metrics == 1 and o.output
        or ("%s-%s%s"):format(stem, metric:gsub("[^%w_.-]", "_"), ending)
      print(plot.curves(name, list, options) .. " is written")
    end
  end
end

-- ---- the command -----------------------------------------------------------------------------------

local function plain_rows(comparison)
  local list = json.array {}
  for i, row in ipairs(comparison.rows) do
    local metrics = {}
    for name, m in pairs(row.metrics) do metrics[name] = m end
    list[i] = { name = row.name, folder = row.run.folder, status = row.status, started = row.started,
      duration = row.duration, steps = row.steps, seed = row.seed, options = json.object(row.options),
      summary = json.object(row.summary), metrics = json.object(metrics) }
  end
  return list
end

local function run(o)
  if o.help then return print(USAGE) end
  local comparison = read.compare(chosen_runs(o))
  directions(o, comparison.metrics)
  if o.sort then sort(o, comparison.rows, comparison.metrics) end
  if o.json then return print(json.encode(plain_rows(comparison), { indent = 2, nan = "string" })) end
  if o.csv then return show.csv(comparison, o) end
  local metrics = chosen_metrics(o, comparison)
  if o.diff then
    if #comparison.rows < 2 then fail("--diff compares two runs or more") end
    show.differences(comparison)
  elseif o.plot or o.output then
    draw(o, comparison, metrics)
  elseif #comparison.rows == 1 then
    show.one(comparison, o)
  else
    show.list(comparison, metrics, o)
  end
  for _, row in ipairs(comparison.rows) do
    if row.run.problem then io.stderr:write("cresset runs: ", show.clean(row.run.problem), "\n") end
  end
end

-- The words of the command line after `runs` -> the program's exit code.
return function(words)
  local ok, problem = pcall(function() run(parse(words)) end)
  if ok then return 0 end
  io.stderr:write(type(problem) == "table" and problem.message or "cresset runs: " .. tostring(problem), "\n")
  return 1
end
