-- graph: directed graphs, what to do with them, and drawings of them by Graphviz.

return require "graph.all"
