-- worker: what runs in a thread's interpreter besides the jobs themselves.
local torch = require "torch"

local worker = {}

-- What is to be in a worker as it is here.
function worker.settings()
  return { path = package.path, cpath = package.cpath, type = torch.getdefaulttensortype() }
end

function worker.start(settings, id)
  package.path, package.cpath = settings.path, settings.cpath
  torch.setnumthreads(1) -- a thread for each worker is enough
  torch.setdefaulttensortype(settings.type)
  rawset(_G, "__threadid", id)
end

-- A job whose function and arguments were saved by a package of the script's.
function worker.perform(name, f, arguments)
  local package = require(name)
  f, arguments = package.load(f), package.load(arguments)
  return package.save(table.pack(f(table.unpack(arguments, 1, arguments.n))))
end

-- The code of a threads.Thread.
function worker.run(code)
  local f, message = load(code, "=thread", "t")
  if not f then error(message, 0) end
  f()
end

return worker
