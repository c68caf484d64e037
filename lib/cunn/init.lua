-- cunn: what Torch7's scripts require to run networks on CUDA devices.  Every module and criterion of nn
-- runs there already.

require "cutorch"
return require "nn"
