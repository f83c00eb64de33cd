#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh test
tools/build.sh
ctest --test-dir build -j "$(nproc)" --output-on-failure --no-tests=error
