"""A claim, the run that tests it, and the record that a chapter prints.

The claim is written down before anything runs: metric, control, smallest effect that matters and
seeds. `run` measures one seed after another and keeps each as it is finished, so a stopped run goes
on where it was; `load` gives the record to a chapter; `compare` gives the one verdict.
"""

import argparse
import json
import logging
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_lib.files import atomic_write
from course_lib.training import machine
from course_lib.training.comparison import Comparison, compare

__all__ = ["Claim", "Comparison", "Record", "compare", "load", "run"]

log = logging.getLogger(__name__)

Measure = Callable[[int, str, float], Mapping[str, Any]]
"""`measure(seed, device, minutes left) -> figures`: floats, strings, and lists or dicts of them."""


@dataclass(frozen=True)
class Claim:
    """What is tested and how, stated before the first run.

    Args:
        id: the row of `course_lib/systems.yml`, optionally with a suffix ("word2vec-costs").
        statement: the claim in one sentence.
        metric: what is measured, with its unit or range.
        control: what the treatment is compared with.
        smallest_effect: the smallest difference that matters, 0 or more, in the metric's units.
        seeds: at least three different ones, five for a ranking.
    Raises:
        ValueError: for an empty text, fewer than three seeds, a repeated seed or a negative effect.
    """

    id: str
    statement: str
    metric: str
    control: str
    smallest_effect: float
    seeds: tuple[int, ...] = (0, 1, 2)

    def __post_init__(self) -> None:
        for name in ("id", "statement", "metric", "control"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} must say something, got an empty string")
        if len(self.seeds) < 3 or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds must be at least three different ones, got {self.seeds}")
        if not (math.isfinite(self.smallest_effect) and self.smallest_effect >= 0):
            raise ValueError(f"smallest_effect must be 0 or more, got {self.smallest_effect}")


@dataclass(frozen=True)
class Record:
    """The recorded result of one experiment; everything that a caption needs."""

    name: str
    claim: Claim
    figures: dict[int, dict[str, Any]]
    seconds: dict[int, float]
    command: str
    revision: str
    dirty: bool
    fingerprint: str
    date: str
    versions: dict[str, str]
    device: str
    cpu: str

    @property
    def seeds(self) -> tuple[int, ...]:
        """The measured seeds, ascending."""
        return tuple(sorted(self.figures))

    @property
    def wall_seconds(self) -> float:
        """Wall time of all seeds together."""
        return math.fsum(self.seconds.values())

    @property
    def machine(self) -> str:
        """One line for a caption: date, processor, versions, revision, seeds, time and command."""
        where = self.cpu if self.device == "CPU" else f"{self.device} with {self.cpu}"
        code = self.revision[:10] + (" with uncommitted changes" if self.dirty else "")
        versions = f"Python {self.versions['python']}, PyTorch {self.versions.get('torch', 'none')}"
        seeds = ", ".join(str(seed) for seed in self.seeds)
        return (
            f"recorded on {self.date}, {where}, {versions}, revision {code}, seeds {seeds}, "
            f"{self.wall_seconds:.0f} s in all: {self.command}"
        )

    def column(self, key: str) -> list[Any]:
        """One figure over the seeds, in the order of `seeds`.

        Raises:
            ValueError: if a seed has no such figure.
        """
        missing = [seed for seed in self.seeds if key not in self.figures[seed]]
        if missing:
            known = sorted(set().union(*self.figures.values()))
            raise ValueError(f"key must be one of {known}, got {key!r}")
        return [self.figures[seed][key] for seed in self.seeds]


def load(name: str, folder: str | os.PathLike[str] | None = None) -> Record:
    """The record of an experiment.

    Args:
        name: the experiment's name, as in `experiments/NAME.py`.
        folder: where the record lies; the repository's `experiments/results` if not given.
    Raises:
        ValueError: if there is no record of that name, or it is damaged.
    """
    path = (Path(folder) if folder is not None else machine.ROOT / "experiments" / "results") / f"{name}.json"
    if not path.is_file():
        raise ValueError(
            f"name must be a recorded experiment, got {name!r}: run `python experiments/{name}.py`"
        )
    return _read(path)


def run(
    name: str,
    claim: Claim,
    measure: Measure,
    script: str,
    argv: Sequence[str] | None = None,
) -> Record | None:
    """Measure every seed that is not measured yet, and record the result beside the script.

    Seeds measured earlier count if the claim, the processor and the source code (the script and every
    `course_lib` file imported when `run` is called) are the same as now; `--fresh` measures all again.
    After each seed the figures so far are saved in `results/.NAME.partial.json`. The record
    `results/NAME.json` is replaced, in one step, only when every seed is there.

    Args:
        name: the record's name; that of the script without `.py`.
        claim: what is tested.
        measure: called as `measure(seed, device, minutes left)`, returns the figures of one seed.
        script: the script's `__file__`.
        argv: command line without the program's name; `sys.argv` if not given.
    Returns:
        The record, or None if the minutes ran out before the last seed (run it again to go on).
    Raises:
        ValueError: for a figure that JSON cannot hold, such as NaN.
    """
    options = _options(claim, argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sources = machine.loaded_sources(script)
    head, dirty = machine.revision(sources)
    code, cpu = machine.fingerprint(sources), machine.cpu_model()
    device = machine.device_name(options.device)
    final = Path(script).resolve().parent / "results" / f"{name}.json"
    partial = final.with_name(f".{name}.partial.json")
    final.parent.mkdir(exist_ok=True)
    figures: dict[int, dict[str, Any]] = {}
    seconds: dict[int, float] = {}

    def record() -> Record:
        seeds = " ".join(str(seed) for seed in sorted(set(figures) | set(options.seeds)))
        command = (
            f"python {machine.relative(script)} --device {options.device} "
            f"--seeds {seeds} --minutes {options.minutes:g}"
        )
        return Record(
            name=name,
            claim=claim,
            figures=dict(sorted(figures.items())),
            seconds=dict(sorted(seconds.items())),
            command=command,
            revision=head,
            dirty=dirty,
            fingerprint=code,
            date=datetime.now(UTC).date().isoformat(),
            versions=machine.versions(),
            device=device,
            cpu=cpu,
        )

    for path in () if options.fresh else (final, partial):
        figures_then, seconds_then = _reusable(path, claim, code, device, cpu)
        figures.update(figures_then)
        seconds.update(seconds_then)
    missing = [seed for seed in options.seeds if seed not in figures]
    deadline = time.monotonic() + 60 * options.minutes
    for seed in missing:
        start = time.monotonic()
        if start >= deadline:
            log.info("%s: the minutes are spent before seed %d; run it again to go on", name, seed)
            return None
        figures[seed] = _plain(
            measure(seed, options.device, (deadline - start) / 60), f"figures of seed {seed}"
        )
        seconds[seed] = round(time.monotonic() - start, 2)
        log.info("%s: seed %d took %.1f s", name, seed, seconds[seed])
        _write(partial, record())
    if missing:
        _write(final, record())
        log.info("%s: wrote %s", name, machine.relative(final))
    else:
        log.info("%s: every seed is recorded already (--fresh measures again)", name)
    partial.unlink(missing_ok=True)
    return _read(final)


def _options(claim: Claim, argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line that every experiment shares."""
    parser = argparse.ArgumentParser(description=f"{claim.statement} Metric: {claim.metric}.")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:0 (default: cpu)")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(claim.seeds), help="one run for each")
    parser.add_argument("--minutes", type=float, default=20.0, help="begin no further seed after this time")
    parser.add_argument("--fresh", action="store_true", help="measure again what is recorded already")
    options = parser.parse_args(argv)
    if options.minutes <= 0:
        parser.error(f"--minutes must be above 0, got {options.minutes:g}")
    if options.device != "cpu":
        import torch

        if not options.device.startswith("cuda") or not torch.cuda.is_available():
            parser.error(f"--device must be cpu, or cuda where there is one, got {options.device}")
    options.seeds = list(dict.fromkeys(options.seeds))
    return options


def _reusable(
    path: Path, claim: Claim, code: str, device: str, cpu: str
) -> tuple[dict[int, dict[str, Any]], dict[int, float]]:
    """Figures and seconds of an earlier run of the same claim, code and machine; empty otherwise."""
    try:
        earlier = _read(path)
    except (OSError, ValueError):
        return {}, {}
    same = (earlier.claim, earlier.fingerprint, earlier.device, earlier.cpu) == (claim, code, device, cpu)
    return (earlier.figures, earlier.seconds) if same else ({}, {})


def _write(path: Path, record: Record) -> None:
    with atomic_write(path) as file:
        json.dump(asdict(record), file, indent=1, allow_nan=False)
        file.write("\n")


def _read(path: Path) -> Record:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        stored["claim"] = Claim(**{**stored["claim"], "seeds": tuple(stored["claim"]["seeds"])})
        for field in ("figures", "seconds"):
            stored[field] = {int(seed): value for seed, value in stored[field].items()}
        return Record(**stored)
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path.name} must be a record that `run` wrote, got a damaged file ({error})"
        ) from error


def _plain(value: Any, where: str) -> Any:
    """Python numbers, strings, lists and dicts out of NumPy's and torch's; ValueError for the rest."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}, {key!r}") for key, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item, where) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} must be finite, got {value}")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ValueError(f"{where} must be numbers, strings, lists or dicts, got {type(value).__name__}")
