"""Fail when a committed notebook carries outputs: they go stale, and they can leak answers."""

import json
import sys
from pathlib import Path


def with_outputs(paths: list[str]) -> list[str]:
    """The notebooks among `paths` in which some code cell has outputs or an execution count."""
    found = []
    for path in paths:
        cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
        if any(cell.get("outputs") or cell.get("execution_count") for cell in cells):
            found.append(path)
    return found


if __name__ == "__main__":
    bad = with_outputs(sys.argv[1:])
    for path in bad:
        print(f"{path}: clear its outputs (JupyterLab: Edit > Clear Outputs of All Cells)")
    sys.exit(bool(bad))
