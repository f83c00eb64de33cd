#!/usr/bin/env bash
# Fuzzes targets under AddressSanitizer and UndefinedBehaviorSanitizer.
#
#   test/fuzz/run.sh [--jobs N] (SECONDS | --runs N) [TARGET | runtime | files | models ...]
#
# Each target runs for so many seconds or executions, N at a time (1). `runtime`: those that need no LLVM, `files`: those that
# need none of our dialects, `models`: the others; all where none is named. Needs clang 14 with its runtime (tools/setup.sh fuzz).
# Builds the preset `fuzz`; inputs grow in build-fuzz/corpus, what breaks a target lies in build-fuzz/broken.
# Prints executions, edges and findings of each.
set -euo pipefail
cd "$(dirname "$0")/../.."

runtime=(hello control messages data planFile safetensors manifest onnxExport job tables)
files=(cluster profile onnxMessages)
models=(onnxImport text)
jobs=1 limit=""
while [[ $# -gt 0 && -z $limit ]]; do
  case "$1" in
  --jobs) jobs=${2:?"--jobs needs a number"} && shift 2 ;;
  --runs) limit="-runs=${2:?"--runs needs a number"}" && shift 2 ;;
  *[!0-9]*) break ;;
  *) limit="-max_total_time=$1" && shift ;;
  esac
done
[[ -n $limit ]] || { echo "usage: run.sh [--jobs N] (SECONDS | --runs N) [TARGET | runtime | files | models ...]" >&2 && exit 2; }
targets=()
for name in "$@"; do
  case "$name" in
  runtime) targets+=("${runtime[@]}") ;;
  files) targets+=("${files[@]}") ;;
  models) targets+=("${models[@]}") ;;
  *) targets+=("$name") ;;
  esac
done
[[ ${#targets[@]} -gt 0 ]] || targets=("${runtime[@]}" "${files[@]}" "${models[@]}")

mkdir -p build-fuzz
cmake --preset fuzz >build-fuzz/configure.log 2>&1 || { cat build-fuzz/configure.log >&2 && exit 1; }
cmake --build build-fuzz -j "$jobs" --target fuzz-seeds "${targets[@]/#/fuzz-}" -- --quiet
rm -rf build-fuzz/seeds
/usr/bin/python3 -B test/fuzz/seeds.py --bin build-fuzz/bin build-fuzz/seeds

# Where an input was allocated is told when a finding is run again by hand; noted for every allocation it takes a third of the time.
# LLVM's allocators poison memory where they are inlined here; where they are inlined in the system's LLVM nothing lifts it.
export ASAN_OPTIONS=allow_user_poisoning=0:malloc_context_size=0:quarantine_size_mb=4:thread_local_quarantine_size_kb=64${ASAN_OPTIONS:+:$ASAN_OPTIONS}
# Some targets write their input to a file first.
[[ ! -d /dev/shm ]] || export TMPDIR=/dev/shm

# fuzz TARGET: an input that takes ten seconds or too much memory is a finding, too.
fuzz() {
  local target=$1 corpus=build-fuzz/corpus/$1 broken=build-fuzz/broken/$1 log=build-fuzz/$1.log known=() length=1024 status=0
  mkdir -p "$corpus" "$broken"
  [[ $target != hello ]] || length=160
  [[ $target != planFile ]] || length=8192 # a small plan
  [[ ! -d test/fuzz/findings/$target ]] || known=("test/fuzz/findings/$target")
  "build-fuzz/bin/fuzz-$target" "$limit" -max_len=$length -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$broken/" "$corpus" "build-fuzz/seeds/$target" "${known[@]}" >"$log" 2>&1 || status=1
  echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions," \
    "$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -c6-) edges, $(find "$broken" -type f | wc -l) findings"
  [[ $status == 0 ]] || tail -n 60 "$log" >&2 # the input in base64, too
  return $status
}
export -f fuzz
export limit
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -c 'fuzz {}'
