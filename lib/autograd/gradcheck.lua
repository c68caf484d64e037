-- gradcheck: what require "autograd.gradcheck" gives in torch-autograd.

return require("autograd").gradcheck
