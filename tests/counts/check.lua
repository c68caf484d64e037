-- check.lua KEY RESULTS KEPT [--renew]: the counts in RESULTS, as `scripts/bench --instructions` writes them,
-- against the lines of KEPT that begin with KEY; or these lines made anew.

local json = require "json"

-- What is kept of a workload, in this order, and how much more it may be: a share, and so much besides.
-- The seed of Lua's hashes, which the time decides, moves instructions by some percent.
local fields = {
  { "instructions", share = 0.08, more = 0 },
  { "storages", share = 0.02, more = 0.5 },
  { "headers", share = 0.02, more = 0.5 },
  { "mallocs", share = 0.02, more = 0.5 },
  { "bytes", share = 0.02, more = 0 },
}

local key, results_path, kept_path, renew = table.unpack(arg)

local function counted()
  local list = {}
  for line in io.lines(results_path) do list[#list + 1] = json.decode(line) end
  return list
end

-- The numbers kept for the key, by workload, and the lines that are not theirs.
local function read_kept()
  local kept, others = {}, {}
  for line in io.lines(kept_path) do
    local rest = line:sub(1, #key + 1) == key .. " " and line:sub(#key + 2)
    if rest then
      local numbers = {}
      for word in rest:gmatch("%S+") do numbers[#numbers + 1] = tonumber(word) end
      kept[rest:match("%S+")] = numbers
    else
      others[#others + 1] = line
    end
  end
  return kept, others
end

local function write_kept(list, lines)
  for _, r in ipairs(list) do
    local words = { key, r.name }
    for _, field in ipairs(fields) do words[#words + 1] = ("%.10g"):format(r[field[1]] or 0) end
    lines[#lines + 1] = table.concat(words, " ")
  end
  local file = assert(io.open(kept_path, "w"))
  file:write(table.concat(lines, "\n"), "\n")
  assert(file:close())
end

-- How one number stands: nil when it is near the one kept.
local function judge(field, now, before)
  local slack = field.share * before + field.more
  local text = ("%.10g %s, kept %.10g"):format(now, field[1], before)
  if now > before + slack then return text, "more" end
  if now < before - slack then return text, "less" end
end

local function check(r, numbers)
  if not numbers then
    print(("not ok - %s: no numbers are kept"):format(r.name))
    return false
  end
  local texts, more, less = {}, false, false
  for i, field in ipairs(fields) do
    local text, how = judge(field, r[field[1]] or 0, numbers[i])
    texts[#texts + 1] = text
    more, less = more or how == "more", less or how == "less"
  end
  local found = #texts > 0 and ": " .. table.concat(texts, "; ") or ""
  if less and not more then found = found .. "; far less: renew the numbers" end
  print((more and "not ok - " or "ok - ") .. r.name .. found)
  return not more
end

local function main()
  local list, good = counted(), true
  local kept, others = read_kept()
  if renew == "--renew" then
    write_kept(list, others)
    return print(("ok - the numbers of %d workloads are kept for %s"):format(#list, key))
  end
  for _, r in ipairs(list) do
    good = check(r, kept[r.name]) and good
    kept[r.name] = nil
  end
  for name in pairs(kept) do
    print(("not ok - %s: numbers are kept, but none were counted"):format(name))
    good = false
  end
  if not good then print("# tests/lib/run_counts BUILD --renew keeps the numbers of now") end
  os.exit(good)
end

main()
