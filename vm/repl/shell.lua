-- shell: commands that reach the system.

local shell = {}

-- What `$ command` and %sh do: the output is printed as it comes, and is the result, as a string.
local function run(command)
  if command == "" then error("$ command: no command", 0) end
  local pipe = assert(io.popen(command .. " 2>&1", "r"))
  local parts = {}
  for line in pipe:lines("L") do
    io.stdout:write(line)
    parts[#parts + 1] = line
  end
  local text = table.concat(parts)
  if #text > 0 and text:sub(-1) ~= "\n" then io.stdout:write("\n") end
  local ok, how, code = pipe:close()
  if not ok then
    print(("[%s %d]"):format(how == "signal" and "ended by signal" or "exit code", code))
  end
  return (text:gsub("\n$", ""))
end

shell.sh = { "sh command", "as `$ command`", run }

return shell
