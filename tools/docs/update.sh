#!/usr/bin/env bash
# Writes docs/reference anew after keys, ops or flags have changed.
set -euo pipefail
cd "$(dirname "$0")/../.."

cmake --build build --target of-docs of-opt of-run
/usr/bin/python3 -B tools/docs/reference.py . build/bin /usr/lib/llvm-22
