# shellcheck shell=sh
# common.sh: what scripts/gpu-check and its parts share; to be sourced.

fail() {
  echo "gpu-check: $*" >&2
  exit 1
}

# A number for what is built and run here, which needs no version control.
tree_hash() {
  find Makefile cuda lib nn scripts tensor tests vm -type f -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum | sha256sum | cut -c1-12
}

# The commit, with a word when files differ from it.
git_commit() {
  commit=$(git rev-parse --short=12 HEAD 2>/dev/null) || return 1
  [ -z "$(git status --porcelain 2>/dev/null)" ] || commit="$commit with changes"
  echo "$commit"
}
