#!/usr/bin/env bash
# From no gate to a gate in three steps, and what the gate then does on four days.
# Plays in an empty folder with the covidreport and python that are on PATH; `bash story.sh FOLDER`.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "${1:?a folder is wanted}"
cd "$1"

run() { # the exit code that is wanted, then the command
  local wanted="$1" status=0
  shift
  printf '\n$ %s\n' "$*"
  "$@" || status=$?
  if [ "$status" != "$wanted" ]; then
    echo "story: exit code $status, and $wanted was wanted" >&2
    exit 70
  fi
}

# a repository with a data set and one model
python "$here/draw.py" data data
python "$here/draw.py" model 124 runs/first/model.onnx

echo; echo "== Step 1: evaluate what there is"
run 0 covidreport evaluate runs/ --data data/manifest.csv

echo; echo "== Step 2: set the baseline, and commit baseline.json"
run 0 covidreport baseline set runs/first --known runs/

echo; echo "== Step 3: from now on every pipeline calls this"
run 0 covidreport ci runs/ --data data/manifest.csv

echo; echo "== Monday: a better model passes, and becomes the baseline"
python "$here/draw.py" model 116 runs/better/model.onnx
run 0 covidreport ci runs/ --data data/manifest.csv
run 0 covidreport baseline set runs/better --known runs/

echo; echo "== Tuesday: a worse model fails; the comment lists the newly missed cases by digest"
python "$here/draw.py" model 134 runs/worse/model.onnx
run 1 covidreport ci runs/ --data data/manifest.csv
cat verdict/comment.md

echo; echo "== The same with ids, where they may be shown"
run 1 covidreport ci runs/ --data data/manifest.csv --show-ids
grep -F 'Newly missed' verdict/comment.md
rm -r runs/worse

echo; echo "== Wednesday: a model file that was half written is broken, not bad: exit code 3"
mkdir runs/broken
head -c 300 runs/better/model.onnx > runs/broken/model.onnx
run 3 covidreport ci runs/ --data data/manifest.csv
rm -r runs/broken

echo; echo "== Thursday: nothing is new"
run 0 covidreport ci runs/ --data data/manifest.csv
