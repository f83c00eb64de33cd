#!/usr/bin/env bash
# Writes train.txt and eval.txt into the folder named: the licences that every Debian system has, one
# after the other; the last tenth of each is for evaluation.
set -euo pipefail
[[ $# -eq 1 ]] || { echo "usage: make-data.sh FOLDER" >&2; exit 2; }

mkdir -p "$1"
: >"$1/train.txt"
: >"$1/eval.txt"
for file in /usr/share/common-licenses/*; do
  [[ ! -h $file ]] || continue # the same text under another name
  bytes=$(stat -c %s "$file")
  head -c $((bytes * 9 / 10)) "$file" >>"$1/train.txt"
  tail -c +$((bytes * 9 / 10 + 1)) "$file" >>"$1/eval.txt"
done
