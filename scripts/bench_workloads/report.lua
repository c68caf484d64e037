-- report.lua: the results of the workloads as rows of a table, with ratios, goals and limits.

local goals = require "bench_workloads.goals"
local limits = require "bench_workloads.limits"

local report = {}

-- Runs disturbed by more than this many cores of other processes' work are repeated.
report.DISTURBED = 0.1

-- How far the values that both sides compute may be apart.  In DCGAN Adam's first step makes much of
-- gradients near zero: PyTorch's own third loss is 0.2 % away from that in double precision.
local TOLERANCE = 1e-3
-- In AlexNet and VGG-19 each side drops other numbers.  Bfloat16 has three digits.
local function tolerance_of(name)
  if name:match("alexnet") or name:match("vgg19") then return 0.03 end
  if name:match("bf16") then return 0.01 end
  return name == "train.dcgan_b16" and 3e-3 or TOLERANCE
end

-- ---- the figures --------------------------------------------------------------------------------

-- What is compared: instructions, time, or memory where there is neither.
local function figure(r)
  return r.instructions or r.median_us or r.rss_growth_mb or r.peak_gpu_mb or r.peak_rss_mb
end

-- Of several runs the one in the middle, of those that nothing disturbed if there are any.
local function typical(runs)
  local quiet, all = {}, {}
  for _, r in ipairs(runs or {}) do
    if not r.error then
      all[#all + 1] = r
      if (r.others or 0) <= report.DISTURBED then quiet[#quiet + 1] = r end
    end
  end
  local list = #quiet > 0 and quiet or all
  table.sort(list, function(a, b) return figure(a) < figure(b) end)
  return list[(#list + 1) // 2]
end

local function scaled(v, units)
  for _, unit in ipairs(units) do
    if v >= unit[1] then return ("%.4g%s"):format(v / unit[1], unit[2]) end
  end
end

local function show(r)
  local v = figure(r)
  if r.instructions then return scaled(v, { { 1e6, " M" }, { 1e3, " k" }, { 0, "" } }) end
  if not r.median_us then return ("%.1f MB"):format(v) end
  for _, unit in ipairs { { 1e6, "s" }, { 1e3, "ms" } } do
    if v >= unit[1] then return ("%.3g %s"):format(v / unit[1], unit[2]) end
  end
  return ("%.3g us"):format(v)
end

local function check(a, b, tolerance)
  if not a.check or not b.check then return a.check == b.check and "-" or "DIFFERS" end
  if #a.check ~= #b.check then return "DIFFERS" end
  for i, v in ipairs(a.check) do
    if math.abs(v - b.check[i]) > tolerance * math.abs(b.check[i]) then return "DIFFERS" end
  end
  return "ok"
end

-- ---- the rows -----------------------------------------------------------------------------------

-- Lists of results by workload and threads, in the order they came in: name, threads, of = {[config] = list}.
local function grouped(results)
  local groups = {}
  for _, r in ipairs(results) do
    local key = r.name .. " " .. r.threads
    if not groups[key] then
      groups[key] = { name = r.name, threads = r.threads, of = {} }
      groups[#groups + 1] = groups[key]
    end
    local of = groups[key].of
    of[r.config] = of[r.config] or {}
    table.insert(of[r.config], r)
  end
  return groups
end

-- The best of the peers, by the run in the middle; compiled models are compared apart.
local function best_peer(of)
  local peer
  for config, runs in pairs(of) do
    local r = not config:match("^cresset") and not config:match("compile$") and typical(runs)
    if r and (not peer or figure(r) < figure(peer)) then peer = r end
  end
  return peer
end

local function compare(row, ours, peer)
  -- growth near nothing has no ratio
  row.ratio = not ours.rss_growth_mb and figure(ours) / figure(peer) or nil
  row.least = ours.min_us and ours.min_us / peer.min_us
  row.check = check(ours, peer, tolerance_of(row.name))
  row.others = math.max(ours.others or 0, peer.others or 0)
end

-- Steps as graphs here, compiled models there: the better of ours over that.
local function compare_compiled(row, graph, compiled)
  row.graph, row.compiled = graph, compiled
  if not compiled or not (graph or row.ours) then return end
  local best = math.min(graph and figure(graph) or math.huge, row.ours and figure(row.ours) or math.huge)
  row.to_compiled = best / figure(compiled)
end

--- The rows of the table: for each workload and number of threads what was typical, ours and the best of
--- the peers, their ratio, and ours in `earlier`, results too.  Results whose name is "limit" say what the
--- machine can do at most.
function report.rows(results, earlier)
  local rows, limit, before = {}, {}, grouped(earlier or {})
  for _, r in ipairs(results) do
    if r.name == "limit" then limit[r.threads] = r end
  end
  for _, group in ipairs(grouped(results)) do
    if group.name ~= "limit" then
      local row = { name = group.name, threads = group.threads }
      row.ours, row.peer = typical(group.of.cresset), best_peer(group.of)
      local past = before[group.name .. " " .. group.threads]
      row.earlier = past and typical(past.of.cresset)
      row.kind = goals.kind(group.name, (row.ours or row.peer or {}).device)
      if row.ours and row.peer then compare(row, row.ours, row.peer) end
      compare_compiled(row, typical(group.of["cresset+graph"]), typical(group.of["cuda+compile"]))
      if row.ours and limit[row.threads] then row.share = limits.share(row.ours, limit[row.threads]) end
      rows[#rows + 1] = row
    end
  end
  return rows
end

--- How many workloads failed here, and how many gave other numbers than the peer.
function report.troubles(rows)
  local failed, differ = 0, 0
  for _, row in ipairs(rows) do
    if not row.ours then failed = failed + 1 end
    if row.check == "DIFFERS" then differ = differ + 1 end
  end
  return failed, differ
end

-- ---- the table ----------------------------------------------------------------------------------

local function number(format, v) return v and format:format(v) end

-- What the columns show of a row; one that shows nothing of any row is left out.
local columns = {
  { "workload", function(row) return row.name end },
  { "threads", function(row) return tostring(row.threads) end },
  { "Cresset", function(row)
    if not row.ours then return "failed" end
    return not row.ours.instructions and show(row.ours) or nil
  end },
  { "instructions", function(row) return row.ours and row.ours.instructions and show(row.ours) end },
  { "storages", function(row) return number("%.1f", row.ours and row.ours.storages) end },
  { "headers", function(row) return number("%.1f", row.ours and row.ours.headers) end },
  { "from malloc", function(row) return number("%.1f", row.ours and row.ours.mallocs) end },
  { "bytes", function(row) return number("%.0f", row.ours and row.ours.bytes) end },
  { "of the limit", function(row) return number("%.0f %%", row.share and 100 * row.share) end },
  { "a second", function(row)
    local r = row.ours
    local rate = r and r.rate and scaled(r.rate, { { 1e6, " M" }, { 1e3, " k" }, { 0, "" } })
    return rate and ("%s %s"):format(rate, r.per)
  end },
  { "as a graph", function(row) return row.graph and show(row.graph) end },
  { "earlier", function(row) return row.earlier and show(row.earlier) end },
  { "now/earlier", function(row)
    if row.ours and row.earlier then return ("%.2f"):format(figure(row.ours) / figure(row.earlier)) end
  end },
  { "PyTorch", function(row) return row.peer and show(row.peer) end },
  { "its configuration", function(row) return row.peer and row.peer.config end },
  { "ratio", function(row) return number("%.2f", row.ratio) end },
  { "goal", function(row)
    local word = goals.word(row.ratio, row.kind.each)
    return word and ("%.2f %s"):format(row.kind.each, word)
  end },
  { "compiled", function(row) return row.compiled and show(row.compiled) end },
  { "to compiled", function(row) return number("%.2f", row.to_compiled) end },
  { "of the minima", function(row) return number("%.2f", row.least) end },
  { "check", function(row) return row.check end },
  { "disturbed by", function(row)
    return (row.others or 0) > report.DISTURBED and ("%.1f cores"):format(row.others) or nil
  end },
}

local function used_columns(rows)
  local used = {}
  for _, column in ipairs(columns) do
    for _, row in ipairs(rows) do
      if column[2](row) then
        used[#used + 1] = column
        break
      end
    end
  end
  return used
end

--- The rows as a table of Markdown.
function report.table(rows)
  local used, heading, with_peer, with_compiled = used_columns(rows), {}, false, false
  for i, column in ipairs(used) do heading[i] = column[1] end
  local lines = { "| " .. table.concat(heading, " | ") .. " |", "|" .. ("---|"):rep(#used) }
  for _, row in ipairs(rows) do
    local cells = {}
    for i, column in ipairs(used) do cells[i] = column[2](row) or "" end
    lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
    with_peer, with_compiled = with_peer or row.peer, with_compiled or row.to_compiled
  end
  if with_peer then
    lines[#lines + 1] = "\nratio: Cresset's figure over that of the better PyTorch; below 1 Cresset is ahead."
    if with_compiled then
      lines[#lines + 1] = "to compiled: the better of Cresset's over that of PyTorch with torch.compile."
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- ---- the kinds ----------------------------------------------------------------------------------

-- Groups of the rows that have a ratio, by kind and threads, in the order of the kinds.
local function by_kind(rows)
  local groups = {}
  for _, row in ipairs(rows) do
    local key = row.kind.title .. ", threads " .. row.threads
    if row.ratio then
      if not groups[key] then
        groups[key] = { title = key, kind = row.kind, threads = row.threads }
        groups[#groups + 1] = groups[key]
      end
      table.insert(groups[key], row)
    end
  end
  table.sort(groups, function(a, b)
    if a.threads ~= b.threads then return a.threads < b.threads end
    return a.kind.place < b.kind.place
  end)
  return groups
end

--- The rows that have a ratio in groups of one kind and number of threads: title, kind, mean (geometric),
--- above (how many are above what each may be).
function report.groups(rows)
  local groups = by_kind(rows)
  for _, group in ipairs(groups) do
    local sum = 0
    group.above = 0
    for _, row in ipairs(group) do
      sum = sum + math.log(row.ratio)
      if group.kind.each and row.ratio > group.kind.each then group.above = group.above + 1 end
    end
    group.mean = math.exp(sum / #group)
  end
  return groups
end

--- The geometric means of ratios, kind by kind, beside the goals.
function report.means(rows)
  local lines = {}
  for i, group in ipairs(report.groups(rows)) do
    local kind, goal = group.kind, ""
    if kind.goal then
      goal = ("; goal %.2f: %s; above %.2f: %d of %d"):format(kind.goal, goals.word(group.mean, kind.goal),
        kind.each, group.above, #group)
    end
    lines[i] = ("geometric mean of %s: %.2f%s\n"):format(group.title, group.mean, goal)
  end
  return table.concat(lines)
end

return report
