-- tune: the search for hyper-parameters: what to try, trying it on several threads, what came out.

local torch = require "torch"

local tune = {}

-- torch.class finds the package by this name.
package.loaded.tune = tune

for _, file in ipairs { "spaces", "Results", "run", "halving" } do require("tune." .. file)(tune, torch) end

return tune
