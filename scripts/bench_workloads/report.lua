-- report.lua: the results of the workloads as a table of ratios.

local report = {}

-- Runs disturbed by more than this many cores of other processes' work are repeated.
report.DISTURBED = 0.1

-- What is compared: time, or memory where there is none.
local function figure(r)
  return r.median_us or r.rss_growth_mb or r.peak_gpu_mb or r.peak_rss_mb
end

-- Of several runs the one in the middle, of those that nothing disturbed if there are any.
local function typical(runs)
  local quiet, all = {}, {}
  for _, r in ipairs(runs) do
    if not r.error then
      all[#all + 1] = r
      if r.others <= report.DISTURBED then quiet[#quiet + 1] = r end
    end
  end
  local list = #quiet > 0 and quiet or all
  table.sort(list, function(a, b) return figure(a) < figure(b) end)
  return list[(#list + 1) // 2]
end

local function show(r)
  local v = figure(r)
  if not r.median_us then return ("%.1f MB"):format(v) end
  for _, unit in ipairs { { 1e6, "s" }, { 1e3, "ms" } } do
    if v >= unit[1] then return ("%.3g %s"):format(v / unit[1], unit[2]) end
  end
  return ("%.3g us"):format(v)
end

local function check(a, b)
  if not a.check or not b.check then return a.check == b.check and "-" or "DIFFERS" end
  if #a.check ~= #b.check then return "DIFFERS" end
  for i, v in ipairs(a.check) do
    if math.abs(v - b.check[i]) > 1e-3 * math.abs(b.check[i]) then return "DIFFERS" end
  end
  return "ok"
end

-- One row, and its ratio: ours beside the faster of the peers.
local function row(name, threads, results)
  local ours, peer = typical(results.cresset)
  for config, runs in pairs(results) do
    local r = config ~= "cresset" and typical(runs)
    if r and (not peer or figure(r) < figure(peer)) then peer = r end
  end
  local line = { name, tostring(threads), ours and show(ours) or "failed" }
  if not peer then return line end
  line[4], line[5] = show(peer), peer.config
  if not ours then return line end
  local ratio = not ours.rss_growth_mb and figure(ours) / figure(peer) or nil
  local others = math.max(ours.others, peer.others)
  local least = ours.min_us and ours.min_us / peer.min_us
  line[6], line[7] = ratio and ("%.2f"):format(ratio) or "-", least and ("%.2f"):format(least) or "-"
  line[8] = check(ours, peer)
  line[9] = others > report.DISTURBED and ("%.1f cores"):format(others) or nil
  return line, ratio
end

--- Adds a workload's row to the rows, and the logarithm of its ratio to those of its group.
function report.add(rows, logs, name, threads, results)
  local line, ratio = row(name, threads, results)
  rows[#rows + 1] = line
  if ratio then
    local group = ("%s, threads %d"):format(name:match("^[^.]+"), threads)
    logs[group] = logs[group] or {}
    table.insert(logs[group], math.log(ratio))
  end
end

--- How many workloads failed here, and how many gave other numbers than the peer.
function report.troubles(rows)
  local failed, differ = 0, 0
  for _, line in ipairs(rows) do
    if line[3] == "failed" then failed = failed + 1 end
    if line[8] == "DIFFERS" then differ = differ + 1 end
  end
  return failed, differ
end

--- The rows as a table of Markdown.
function report.table(rows, with_peer)
  local header = { "workload", "threads", "Cresset", "PyTorch", "its configuration", "ratio",
    "of the minima", "check", "disturbed by" }
  local columns = with_peer and #header or 3
  local lines = { "| " .. table.concat(header, " | ", 1, columns) .. " |", "|" .. ("---|"):rep(columns) }
  for _, line in ipairs(rows) do
    for i = 1, columns do line[i] = line[i] or "" end
    lines[#lines + 1] = "| " .. table.concat(line, " | ", 1, columns) .. " |"
  end
  if with_peer then
    lines[#lines + 1] = "\nratio: Cresset's figure over that of the better PyTorch; below 1 Cresset is ahead."
  end
  return table.concat(lines, "\n") .. "\n"
end

--- The geometric means of ratios, group by group, a line each.
function report.means(logs)
  local names, lines = {}, {}
  for group in pairs(logs) do names[#names + 1] = group end
  table.sort(names)
  for i, group in ipairs(names) do
    local sum = 0
    for _, v in ipairs(logs[group]) do sum = sum + v end
    lines[i] = ("geometric mean of %s: %.2f\n"):format(group, math.exp(sum / #logs[group]))
  end
  return table.concat(lines)
end

return report
