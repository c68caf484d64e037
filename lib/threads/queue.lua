-- queue: jobs that any thread puts in and any thread does.
return require("threads._core").Queue
