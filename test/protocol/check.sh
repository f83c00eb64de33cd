#!/usr/bin/env bash
# Checks protocol.pml exhaustively, and that each bug that can be put into it is found.
#
#   check.sh FOLDER      works in FOLDER
set -euo pipefail
model=$(cd "$(dirname "$0")" && pwd)/protocol.pml
mkdir -p "$1" && cd "$1"

# verify NAME FLAGS...: prints what spin says
verify() {
  local name=$1
  shift
  mkdir -p "$name" && (
    cd "$name"
    spin "$@" -a "$model" >spin.log
    gcc -O1 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=2000 -o pan pan.c
    ./pan -m20000 -w20 >pan.log
    cat pan.log
  )
}

out=$(verify right)
grep -q 'errors: 0' <<<"$out" || {
  echo "the protocol is wrong; see spin -t in $1/right:" >&2
  echo "$out" >&2
  exit 1
}
grep -q 'max search depth too small\|Search not completed' <<<"$out" && {
  echo "the search was not complete" >&2
  exit 1
}
grep -E 'states, stored' <<<"$out"
for bug in 1 2 3 4 5; do
  verify "bug$bug" -DBUG=$bug | grep -q 'errors: 0' && {
    echo "bug $bug is not found" >&2
    exit 1
  }
done
echo 'every planted bug is found'
