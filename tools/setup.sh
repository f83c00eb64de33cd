#!/usr/bin/env bash
# Installs the Debian packages that are missing; what is there already is left alone.
#
#   tools/setup.sh          what building and running needs
#   tools/setup.sh test     and what the tests need
#   tools/setup.sh fuzz     and what fuzzing needs
#
# Debian 12 with its security updates, where LLVM 22 comes from.
set -euo pipefail

build=(
  cmake g++ ninja-build ccache                                # the build
  libmlir-22-dev mlir-22-tools llvm-22-dev liblld-22-dev      # the compiler
  libzstd-dev zlib1g-dev
  flatbuffers-compiler libflatbuffers-dev libxxhash-dev       # plan files
  libcli11-dev libfmt-dev libyaml-cpp-dev nlohmann-json3-dev  # command line, messages, files
  libdnnl-dev libopenblas-dev                                 # CPU kernels
  libucx-dev libssl-dev                                       # transport; the token of a job
  dataset-fashion-mnist                                       # data of the examples
)
test=(
  catch2 python3 llvm-22-tools    # unit tests; lit and FileCheck
  clang-format-14                 # the format check
  python3-torch python3-numpy     # the oracle
  spin                            # the model of the protocol
  libonnx-testdata                # node tests of ONNX
)

fuzz=(
  clang-14 libclang-rt-14-dev     # libFuzzer and the sanitizers
)

wanted=("${build[@]}")
case "${1-}" in
'') ;;
test) wanted+=("${test[@]}") ;;
fuzz) wanted+=("${test[@]}" "${fuzz[@]}") ;;
*)
  echo "setup.sh: unknown argument '$1'; give none, 'test' or 'fuzz'" >&2
  exit 2
  ;;
esac

missing=()
for package in "${wanted[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=(env DEBIAN_FRONTEND=noninteractive)
if [[ $(id -u) != 0 ]]; then
  command -v sudo >/dev/null || {
    echo "setup.sh: missing packages: ${missing[*]}; install them as root, sudo is not here" >&2
    exit 1
  }
  as_root=(sudo env DEBIAN_FRONTEND=noninteractive)
fi

echo "Installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get -q update &&
  "${as_root[@]}" apt-get -q -y --no-install-recommends install "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "setup.sh: the packages could not be installed; the end of apt-get's output is above" >&2
  exit 1
fi
