-- runs: folders that keep what trainings did: written by a runs.Run, listed and compared.

local runs = {}

for _, file in ipairs { "Run", "read" } do
  for name, value in pairs(require("runs." .. file)) do runs[name] = value end
end

return runs
