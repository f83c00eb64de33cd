#!/usr/bin/env bash
# Configures and builds the release preset into build/: the targets named, or everything.
# Quiet unless the output is a terminal or something fails.
set -euo pipefail
cd "$(dirname "$0")/.."

# A compiler process of the MLIR parts takes up to 2 GB.
jobs=$(nproc)
fit=$(awk '/^MemAvailable/ { print int($2 / 2000000) }' /proc/meminfo)
[[ $jobs -le $fit ]] || jobs=$((fit > 0 ? fit : 1))

mkdir -p build
if ! cmake --preset release >build/configure.log 2>&1; then
  cat build/configure.log >&2
  echo "build.sh: cmake could not configure the build; its output is above" >&2
  exit 1
fi
targets=()
[[ $# -eq 0 ]] || targets=(--target "$@")
quiet=()
[[ -t 1 ]] || quiet=(-- --quiet)
cmake --build build -j "$jobs" "${targets[@]}" "${quiet[@]}"
