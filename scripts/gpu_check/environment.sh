# shellcheck shell=sh disable=SC2154
# environment.sh: makes the carried libraries, nvcc and NVIDIA's libraries known to the build and to the
# programs; to be sourced, with B, carried, python and emulate set.

# What must be on the machine; make and pkg-config can come from the carried tree.
check_tools() {
  missing=
  for tool in "$@"; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
  done
  [ -z "$missing" ] || fail "not on this machine, and needed:$missing"
}

# Unpacks the carried tree once; its .pc files get its place.
unpack_sysroot() {
  root=$B/sysroot
  [ -f "$carried/sysroot.tar.gz" ] ||
    fail "no $carried/sysroot.tar.gz; make it with 'scripts/gpu-check pack' where apt works"
  if ! cmp -s "$carried/sysroot.tar.gz" "$root/packed"; then
    rm -rf "$root"
    mkdir -p "$root"
    tar -C "$root" -xzf "$carried/sysroot.tar.gz" || fail "$carried/sysroot.tar.gz cannot be unpacked"
    find "$root" -name '*.pc' -type f -exec sed -i "s|/usr|$root/usr|g" {} +
    cp "$carried/sysroot.tar.gz" "$root/packed"
  fi
  lib=$(echo "$root"/usr/lib/*-linux-gnu)
  [ -d "$lib" ] || fail "$root/usr/lib has no folder of libraries"
  triplet=$(basename "$lib")
}

# $root/run has links to the libraries that the machine itself does not have: at run time its own go
# first, as other programs rely on them.
link_missing() {
  rm -rf "$root/run"
  mkdir "$root/run"
  own=$( (ldconfig -p || /sbin/ldconfig -p) 2>/dev/null)
  for so in "$lib"/*.so.* "$lib"/openblas-openmp/libopenblas*.so*; do
    name=$(basename "$so")
    echo "$own" | grep -qF "	$name " || ln -sf "$so" "$root/run/$name"
  done
}

# Folders of the packages that PyTorch brings with it, as a search path: those that match the patterns.
nvidia_folders() {
  [ -n "$python" ] && "$python" - "$@" <<'END' 2>/dev/null
import glob, importlib.util, sys
spec = importlib.util.find_spec("nvidia")
places = spec.submodule_search_locations if spec else []
print(":".join(f for place in places for pattern in sys.argv[1:] for f in sorted(glob.glob(f"{place}/{pattern}"))))
END
}

find_nvcc() {
  for nvcc in "$(command -v nvcc 2>/dev/null)" /usr/local/cuda/bin/nvcc /usr/local/cuda-*/bin/nvcc; do
    if [ -x "$nvcc" ]; then
      PATH=$(dirname "$nvcc"):$PATH
      return
    fi
  done
  fail "nvcc is neither on the PATH nor in /usr/local/cuda*/bin"
}

# "90" for capability 9.0; that where nvidia-smi does not tell.
capability() {
  found=$(timeout 30 nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null |
    sed -n '1s/^\([0-9]*\)\.\([0-9]*\)$/\1\2/p')
  echo "${found:-90}"
}

join() { # paths, without empty ones: an empty one would be the current folder
  for path in "$@"; do [ -z "$path" ] || printf ':%s' "$path"; done | cut -c2-
}

set_environment() {
  check_tools gcc g++ tar gzip timeout
  unpack_sysroot
  link_missing
  PATH=$PATH:$root/usr/bin
  check_tools make
  PKG_CONFIG_PATH=$(join "$lib/pkgconfig" "$lib/openblas-openmp/pkgconfig" "${PKG_CONFIG_PATH:-}")
  # of the headers only those that a toolkit may lack
  CPATH=$(join "$root/usr/include" "$root/usr/include/$triplet" "$(nvidia_folders cudnn/include nccl/include)" \
    "${CPATH:-}")
  LIBRARY_PATH=$(join "$lib" "${LIBRARY_PATH:-}")
  LD_LIBRARY_PATH=$(join "$root/run" "$(nvidia_folders '*/lib')" "${LD_LIBRARY_PATH:-}")
  export PATH PKG_CONFIG_PATH CPATH LIBRARY_PATH LD_LIBRARY_PATH
  pkg-config --exists lua5.4 zlib cmocka readline libzip jansson libpng libjpeg libprotobuf-c ||
    fail "pkg-config does not find $lib/pkgconfig"
  sh scripts/find-blas.sh >/dev/null || fail "OpenBLAS is not found in $lib"
  [ "$emulate" = yes ] || find_nvcc
}
