#!/bin/sh
# Prints the flags to compile and link with OpenBLAS, preferring the OpenMP build: its threads are
# the ones that our own loops use, so the two never fight over the cores.
for dir in "/usr/lib/$(uname -m)-linux-gnu/openblas-openmp"; do
  if [ -f "$dir/libopenblas.so" ]; then
    include="/usr/include/$(uname -m)-linux-gnu/openblas-openmp"
    echo "-I$include -L$dir -Wl,-rpath,$dir -lopenblas"
    exit 0
  fi
done
if pkg-config --exists openblas 2>/dev/null; then
  pkg-config --cflags --libs openblas
  exit 0
fi
exit 1
