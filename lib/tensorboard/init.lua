-- tensorboard: event files, which TensorBoard shows: written by a SummaryWriter, and read again.

local events = require "tensorboard._events"

-- Without protobuf-c this says what to install.
if not events.there then events.pack() end

local tensorboard = {}

for _, file in ipairs { "read", "writer" } do
  for name, value in pairs(require("tensorboard." .. file)) do tensorboard[name] = value end
end

return tensorboard
