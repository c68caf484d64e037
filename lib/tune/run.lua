-- run: makes the trials of a search, here or on several threads, and writes down what they give.

local check = require "tune.check"
local options = require "torch.options"
local raise = require("torch.caller").raise

return function(tune, torch)
  -- ---- one trial --------------------------------------------------------------------------------------

  -- Runs f once, wherever that is: score, message, seconds, reports.  It goes to other threads as it is, so
  -- it uses nothing around it.
  local function perform(f, config, budget, number, seed)
    local torch_here, now = require "torch", require("torch._clock").now
    local started, reports = now(), {}
    torch_here.manualSeed(seed)
    math.randomseed(seed)
    local function number_of(value)
      if torch_here.isTensor(value) and value:nElement() == 1 then value = value:item() end
      return type(value) == "number" and value or nil
    end
    local function report(value, at)
      local score = number_of(value)
      if not score then error("report: a number expected, got " .. torch_here.type(value), 2) end
      reports[#reports + 1] = { score = score, at = at }
    end
    local ok, score = xpcall(f, debug.traceback, config, budget, report, number)
    local message
    if not ok then
      message, score = tostring(score), nil
    else
      if score == nil and #reports > 0 then score = reports[#reports].score end
      local value = number_of(score)
      if not value then message = "the function gave " .. torch_here.type(score) .. ", wanted a number" end
      score = value
    end
    return score, message, now() - started, reports
  end

  local function trial_of(job, score, message, seconds, reports)
    return { number = job.number, config = job.config, budget = job.budget, score = score, error = message,
      seconds = seconds, reports = reports }
  end

  -- ---- several ----------------------------------------------------------------------------------------

  local function run_here(f, jobs, done)
    local state = torch.getRNGState()
    local _ <close> = setmetatable({}, { __close = function() torch.setRNGState(state) end })
    for _, job in ipairs(jobs) do
      done(trial_of(job, perform(f, job.config, job.budget, job.number, job.seed)))
    end
  end

  local function run_on_threads(f, jobs, done, workers)
    local threads = require "threads"
    local pool = threads.Threads(math.min(workers, #jobs))
    local _ <close> = setmetatable({}, { __close = function() pool:terminate() end })
    for _, job in ipairs(jobs) do
      pool:addjob(perform, function(...) done(trial_of(job, ...)) end, f, job.config, job.budget, job.number,
        job.seed)
    end
    pool:synchronize()
  end

  -- ---- a search ---------------------------------------------------------------------------------------

  local known = { mode = "string", workers = "number", file = "string", seed = "number", progress = "boolean",
    retry = "boolean" }

  -- The options that all searches have, besides `more`.
  function tune._options(what, given, more)
    local all = {}
    for name, kind in pairs(known) do all[name] = kind end
    for name, kind in pairs(more or {}) do all[name] = kind end
    local o = options.read(what, given, all)
    o.mode = o.mode or "min"
    if o.mode ~= "min" and o.mode ~= "max" then
      raise("%s: mode is '%s', wanted 'min' or 'max'", what, o.mode)
    end
    o.workers = options.whole(what, "workers", o.workers, 0, 0)
    o.seed = options.whole(what, "seed", o.seed, 0, 0)
    return o
  end

  -- The results to add to: those of the file, where it is there.
  function tune._results(what, o)
    local file = o.file and io.open(o.file, "rb")
    if not file then return tune.Results(o.mode) end
    file:close()
    local results = tune.load(o.file)
    if results.mode ~= o.mode then
      raise("%s: %s is of a search with mode '%s', here it is '%s'", what, o.file, results.mode, o.mode)
    end
    return results
  end

  local function show(trial, count, of)
    io.write(("trial %d (%d of %d)%s: %s  %s  %.1fs\n"):format(trial.number, count, of,
      trial.budget and (", budget %g"):format(trial.budget) or "", tune._text(trial.config),
      trial.score and ("score %.6g"):format(trial.score) or "failed: " .. trial.error:match("^[^\n]*"),
      trial.seconds))
    io.flush()
  end

  -- Makes the trials { number=, config=, budget= } that are not among the results yet.
  function tune._trials(f, wanted, results, o)
    local jobs = {}
    for _, job in ipairs(wanted) do
      local known_trial = results:_find(job.number, job.budget)
      if o.file then results:_check(job.number, job.config, o.file) end
      if not known_trial or known_trial.error and o.retry then
        -- the same trial draws the same numbers wherever and whenever it runs
        job.seed = o.seed * 1000003 + job.number
        jobs[#jobs + 1] = job
      end
    end
    if #jobs == 0 then return end
    local count = 0
    local function done(trial)
      count = count + 1
      results:_add(trial)
      if o.file then results:_save(o.file) end
      if o.progress ~= false then show(trial, count, #jobs) end
    end
    if o.workers > 0 then run_on_threads(f, jobs, done, o.workers) else run_here(f, jobs, done) end
  end

  --- tune.run(f, configs [, options])
  --
  -- Tries configurations: calls f with each and keeps the scores.  A trial that raises an error is kept with
  -- the message, and the others go on.  torch's and math's random generators are seeded for each trial, so
  -- that it gives the same on any thread.
  --
  -- f: function of a configuration that gives a score.  It also gets nil, a function report(score [, at])
  --   that keeps numbers on the way, the last of which is the score where f gives none, and the trial's
  --   number
  -- configs: list of configurations, such as tune.grid and tune.random give
  -- options: table of any of these:
  --   mode: "min", the default, or "max": which score is better
  --   workers: so many threads try at the same time, each with an interpreter of its own; 0, the default:
  --     here
  --   file: the results are written there after each trial; trials that it has are not made again
  --   retry: true makes those again that failed
  --   seed: 0 by default: for the trials' random numbers
  --   progress: false prints nothing; by default a line for each trial
  -- Returns: a tune.Results
  -- Errors: an option does not exist, is of another type or out of range; the file is of another search
  -- Example:
  --   results = tune.run(function(c) return (c.x - 1) ^ 2 + c.y end,
  --     tune.grid { x = { 0, 1, 2 }, y = { 3, 4 } }, { progress = false })
  --   results:best().config.x, results:best().score --> 1 3.0
  function tune.run(f, configs, given)
    local what = "tune.run"
    check.call(what, f)
    check.configs(what, configs)
    local o = tune._options(what, given)
    local results, jobs = tune._results(what, o), {}
    for i, config in ipairs(configs) do jobs[i] = { number = i, config = config } end
    tune._trials(f, jobs, results, o)
    return results
  end
end
