#!/usr/bin/env bash
# Writes docs/reference anew after keys, ops or flags have changed.
set -euo pipefail
cd "$(dirname "$0")/../.."

targets=(of-docs)
for tool in of-compile of-opt of-plan of-run; do
  [[ ! -e tools/$tool/CMakeLists.txt ]] || targets+=("$tool")
done
cmake --build build --target "${targets[@]}"
/usr/bin/python3 -B tools/docs/reference.py . build/bin /usr/lib/llvm-22
