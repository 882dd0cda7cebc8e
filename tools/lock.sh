#!/usr/bin/env bash
# Write constraints.txt: the exact versions that are installed in .venv now.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
{
  echo "# The exact versions that the course is built and tested with (Python 3.11). Written by tools/lock.sh."
  .venv/bin/python -m pip freeze --exclude-editable --exclude setuptools | sed -E 's/^(torch==[0-9.]+)\+cpu$/\1/' | grep -vE '^(nvidia-|triton==|# )'
} >constraints.tmp
mv constraints.tmp constraints.txt
