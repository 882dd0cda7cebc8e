"""What every benchmark shares: one JSON a benchmark, with machine, versions and ratios measured in one run.

A benchmark runs this library and its peers one after the other in the same process or machine state and
reports ratios, because times drift from machine to machine and ratios much less. Nothing here asserts a
speed.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_lib.files import atomic_write
from course_lib.training import machine

RESULTS = Path(__file__).resolve().parent / "results"
log = logging.getLogger("benchmark")


def start() -> None:
    """Show the log of this run."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in ("gensim", "smart_open"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def record(
    name: str,
    script: str,
    *,
    question: str,
    settings: Mapping[str, Any],
    results: Any,
    ratios: Mapping[str, Any],
    remarks: str = "",
    device: str = "cpu",
) -> Path:
    """Write `benchmarks/results/NAME.json`.

    Args:
        name: of the benchmark, that of its script.
        script: the script's `__file__`.
        question: what was compared, in a sentence.
        settings: what both sides had in common.
        results: the measurements.
        ratios: the numbers to quote, larger than 1 where this library is ahead.
        remarks: why it came out so, and what was left out.
        device: "cpu" or "cuda".
    Returns:
        The file's path.
    """
    sources = machine.loaded_sources(script)
    revision, dirty = machine.revision(sources)
    content = {
        "name": name,
        "question": question,
        "ratios": ratios,
        "remarks": remarks,
        "settings": settings,
        "results": results,
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": machine.cpu_model(),
        "cores": os.cpu_count(),
        "device": machine.device_name(device),
        "versions": machine.versions(),
        "revision": revision,
        "dirty": dirty,
        "command": " ".join(["python", machine.relative(script), *sys.argv[1:]]),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    with atomic_write(path) as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
        file.write("\n")
    log.info("wrote %s", machine.relative(path))
    return path
