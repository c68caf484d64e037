-- _display: what takes pictures where there are no windows: a notebook that runs this interpreter.

local display = {
  -- function ({ [kind] = text }, { [kind] = name of a file, which is removed afterwards }), kinds being
  -- "text/plain", "image/png" and the like; nil: nothing takes them.
  show = nil,
}

local later, order = {}, {}

-- Calls f(key) once when the cell is done, however often this is asked for: then a figure has its title.
function display.later(key, f)
  if not later[key] then order[#order + 1] = key end
  later[key] = f
end

-- Forgets what was to come later; or does it.
function display.forget()
  later, order = {}, {}
end

function display.flush()
  local functions, keys = later, order
  display.forget()
  for _, key in ipairs(keys) do functions[key](key) end
end

return display
