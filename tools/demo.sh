#!/usr/bin/env bash
# Installs what is missing, builds the tools, compiles the example for a cluster of two nodes and
# trains it as two processes of this machine. Results are left in examples/fashion-mnist-cnn/out.
set -euo pipefail
cd "$(dirname "$0")/.."

example=examples/fashion-mnist-cnn
out=$example/out
data=/usr/share/datasets/fashion-mnist # of the package dataset-fashion-mnist

tools/setup.sh
tools/build.sh of-compile of-run
rm -rf "$out"
mkdir -p "$out"
build/bin/of-compile $example/job.yaml --cluster $example/cluster-2.yaml -o "$out/job.plan"
build/bin/of-run "$out/job.plan" --local --data "$data" --out "$out" --trace
echo "checkpoints, metrics.jsonl and trace.json (for ui.perfetto.dev) are in $out"
