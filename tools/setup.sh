#!/usr/bin/env bash
# Make .venv and install the course. `make` calls this when .venv is missing or the requirements changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stop() { printf '%s\n' "setup: $*" >&2; exit 1; }

suits() { "$1" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

if ! suits .venv/bin/python; then
  found=
  for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    if suits "$python"; then found=$python; break; fi
  done
  [ -n "$found" ] || stop "needs Python 3.11, 3.12 or 3.13${PYTHON:+ (PYTHON=$PYTHON is not)}: install one, or name it: make book PYTHON=/path/to/python3.12"
fi

need=4
[ -d .venv/lib ] && need=1
free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
if [ "$free" -lt "$need" ]; then
  stop "needs at least $need GB of free disk here (9 GB with the CUDA build of PyTorch) and found $free GB: free some, or use the CPU build: make book TORCH=cpu"
fi

log=$(mktemp "${TMPDIR:-/tmp}/course-setup.XXXXXX")
try() {
  if ! "$@" >"$log" 2>&1; then
    if grep -qiE 'no space left|disk quota' "$log"; then stop "the disk is full: free some space and run the same command again"; fi
    if grep -qiE 'connection ?(error|refused|reset|aborted|broken|timed out)|NewConnection|name resolution|name or service|resolve host|timed? ?out|timeout|unreachable|proxy ?error|SSL ?error|certificate verify|Could not fetch|No matching distribution' "$log"; then
      stop "could not download the packages: check the network (or proxy) and run the same command again; what is installed is kept"
    fi
    tail -n 5 "$log" >&2
    stop "failed: $* (whole log: $log)"
  fi
}

if [ -n "${found:-}" ]; then
  echo "setup: making .venv with $("$found" --version)"
  rm -rf .venv
  "$found" -c 'import ensurepip, venv' 2>/dev/null || stop "$found lacks the venv module: on Debian or Ubuntu, apt install python3-venv"
  try "$found" -m venv .venv
fi
.venv/bin/python -m pip --version >/dev/null 2>&1 || try .venv/bin/python -m ensurepip --upgrade

constrain=()
[ -z "${CONSTRAINTS:-}" ] || constrain=(-c "$CONSTRAINTS")
echo "setup: installing the course and its tools (a few minutes the first time)"
if [ "${TORCH:-}" = cpu ]; then
  try .venv/bin/python -m pip install ${constrain[@]+"${constrain[@]}"} --no-deps torch --index-url https://download.pytorch.org/whl/cpu
fi
try .venv/bin/python -m pip install ${constrain[@]+"${constrain[@]}"} -e '.[book,grade,test]'
try .venv/bin/python -m pip check
rm -f "$log"
touch .venv/.ready
