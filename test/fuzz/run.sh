#!/usr/bin/env bash
# Fuzzes targets under AddressSanitizer and UndefinedBehaviorSanitizer, one after the other.
#
#   test/fuzz/run.sh SECONDS [TARGET ...]
#
# Needs clang 14 with its runtime (clang-14, libclang-rt-14-dev). Builds the preset `fuzz`; inputs grow in
# build-fuzz/corpus, what breaks a target lies in build-fuzz/broken. Prints executions, edges and findings.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:?"usage: run.sh SECONDS [TARGET ...]"}
shift
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  targets=(planFile job control messages data safetensors manifest onnxExport tables cluster onnxMessages onnxImport text)
fi
cmake --preset fuzz >build-fuzz.log 2>&1 || { cat build-fuzz.log >&2; exit 1; }
mv build-fuzz.log build-fuzz/configure.log
cmake --build build-fuzz --target fuzz-seeds "${targets[@]/#/fuzz-}" -- --quiet
rm -rf build-fuzz/seeds
/usr/bin/python3 -B test/fuzz/seeds.py --bin build-fuzz/bin build-fuzz/seeds

status=0
for target in "${targets[@]}"; do
  corpus=build-fuzz/corpus/$target broken=build-fuzz/broken/$target log=build-fuzz/$target.log
  mkdir -p "$corpus" "$broken"
  known=()
  [[ ! -d test/fuzz/findings/$target ]] || known=("test/fuzz/findings/$target")
  # An input that takes seconds or half a gigabyte is a finding, too.
  "build-fuzz/bin/fuzz-$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$broken/" "$corpus" "build-fuzz/seeds/$target" "${known[@]}" >"$log" 2>&1 || status=1
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  edges=$(grep -o 'cov: [0-9]*' "$log" | tail -1)
  echo "$target: ${executions:-?} executions, ${edges:-cov: ?}, $(find "$broken" -type f | wc -l) findings"
done
exit $status
