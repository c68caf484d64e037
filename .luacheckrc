std = "lua54"
max_line_length = 110
globals = { "nn" }
read_globals = { "torch" }
exclude_files = { "build/**", "build-*/**" }
-- A module's method may not need self.
self = false
files["lib/compat51"] = { globals = { "math", "string", "table", "unpack", "loadstring", "print", "tostring" } }
files["tests"] = { globals = { "torch", "nn" } }
