"""Grading: how many submissions a minute, against plain nbgrader on the same ones, and how flat is memory?

The submissions are the known answers of each assignment, right and wrong. Here: two at a time, behind the
wall, from the file that was handed in to gradebook and feedback. There: nbgrader as it comes, one after the
other, each in a kernel of its own, with its own preprocessors and its own feedback. Both are warm: the first
submissions are not counted. This grader runs before and after nbgrader, so that a drifting machine shows.
"""

import argparse
import itertools
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat
import numpy as np
import psutil
from _common import log, record, start
from traitlets.config import Config

from course_lib.grading import batch, grade, known
from course_lib.grading.course import convert, load_config
from course_lib.grading.farm import Farm
from course_lib.grading.release import assignments

ROOT = Path(__file__).resolve().parents[1]
WARM = 3  # submissions that are graded before the clock starts
AIM = 25
MEGABYTE = 1 << 20
PHASES = {  # what is timed in the main process, by the function that does it
    "take in": (batch, "fetch"),
    "rebuild": (grade, "rebuild"),
    "read": (grade, "read_notebook"),
    "fill": (grade, "fill"),
    "make safe to look at": (grade, "clean"),
    "gradebook": (batch.Books, "record"),
    "grades": (batch.Books, "grades"),
    "feedback": (batch, "render"),
}


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", nargs="*", default=assignments(ROOT), help="assignments")
    parser.add_argument("--submissions", type=int, default=60, help="of each assignment")
    parser.add_argument("--many", type=int, default=1000, help="submissions of one run that is watched")
    parser.add_argument("--many-of", default="gelu", help="their assignment")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--name", default="grading", help="of the JSON")
    options = parser.parse_args()
    start()
    results: dict[str, Any] = {}
    with Farm(options.jobs) as farm, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name in options.names:
            results[name] = compare(Path(folder), name, options.submissions, farm)
            log.info("%s: %s", name, {k: v for k, v in results[name].items() if k != "cpu_ms"})
        if options.many:
            results["many"] = watch(Path(folder) / "many", options.many_of, options.many, farm)
            log.info("%s", results["many"])
    ratios = {name: results[name]["ratio"] for name in options.names}
    record(
        options.name,
        __file__,
        question="How many submissions a minute are graded, against plain nbgrader on the same ones?",
        settings={"submissions": options.submissions, "jobs": options.jobs, "many": options.many},
        results=results,
        ratios=ratios,
        remarks=f"Ingest, wall, tests, gradebook and feedback are all in it; the aim is {AIM} where the time "
        "is the grader's. Where it is the assignment's own training, both sides pay for it.",
    )


def compare(folder: Path, name: str, count: int, farm: Farm) -> dict[str, Any]:
    """One assignment on both sides."""
    ours, theirs = make_class(folder / "ours", name, count), make_class(folder / "plain", name, count)
    before = grade_here(ours, name, farm)
    log.info("%s: %d in %.1f s here", name, count, before["seconds"])
    plain = grade_plainly(theirs, name)
    log.info("%s: %d in %.1f s with plain nbgrader", name, count, plain["seconds"])
    after = grade_here(ours, name, farm)
    seconds = (before["seconds"] + after["seconds"]) / 2
    answers = [answer.name for answer in known.load(ROOT, name)[1]]
    differ = {
        answers[int(student[1:]) % len(answers)]: [points, plain["points"].get(student)]
        for student, points in after["points"].items()
        if points != plain["points"].get(student)
    }
    return {
        "a_minute": [round(60 * count / run["seconds"]) for run in (before, after)],
        "plain_a_minute": round(60 * count / plain["seconds"], 1),
        "ratio": round(plain["seconds"] / seconds, 1),
        "points_that_differ": differ,  # answer: [here, there]
        "cpu_ms": after["cpu_ms"],
        "share_of_time": after["share_of_time"],
    }


def make_class(root: Path, name: str, count: int) -> Path:
    """A course folder with WARM + `count` submissions, the known answers again and again.

    For nbgrader, which runs tests beside the student's code, the setup cell defines where hidden files are.
    """
    assignment, answers, _ = known.load(ROOT, name)
    source = nbformat.from_dict(assignment.source)
    target = root / "solutions" / name
    for path, content in {
        **assignment.files,
        **{f"hidden/{k}": v for k, v in assignment.hidden.items()},
    }.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(content)
    if root.name == "plain":
        setup = next(c for c in source.cells if c.cell_type == "code" and c.metadata.get("nbgrader"))
        setup.source = f"import pathlib\nHIDDEN = pathlib.Path({str(target / 'hidden')!r})\n" + setup.source
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{name}.ipynb").write_text(nbformat.writes(source), "utf-8")
    for i, answer in zip(range(WARM + count), itertools.cycle(answers), strict=False):
        submitted = root / "submitted" / f"s{i:04}" / name
        submitted.mkdir(parents=True)
        (submitted / f"{name}.ipynb").write_text(known.notebook_of(answer, source), "utf-8")
    return root


def grade_here(root: Path, name: str, farm: Farm) -> dict[str, Any]:
    """This grader, warm; every submission anew."""
    config = load_config(ROOT / "nbgrader_config.py", root)
    everybody = batch.students(root, name)
    batch.grade(root, name, config, farm, everybody[:WARM], force=True)
    cpu = cpu_by_role()
    with timed_phases() as phases:
        began = time.perf_counter()
        outcomes = batch.grade(root, name, config, farm, everybody[WARM:], force=True)
        seconds = time.perf_counter() - began
    if broken := [o for o in outcomes if o.status != batch.GRADED]:
        raise SystemExit(f"{broken[0].student} of {name} was not graded: {broken[0].note}")
    spent = {role: value - cpu[role] for role, value in cpu_by_role().items()}
    count, total = len(outcomes), sum(spent.values())
    parts = {f"client: {phase}": took for phase, took in phases.items()}
    parts["client: the rest"] = spent.pop("client") - sum(phases.values())
    parts |= spent
    return {
        "seconds": seconds,
        "points": {o.student: o.points for o in outcomes},
        "cpu_ms": {part: round(1000 * took / count, 1) for part, took in parts.items()}
        | {"all": round(1000 * total / count)},
        "share_of_time": {part: round(took / total, 3) for part, took in parts.items()},
    }


def grade_plainly(root: Path, name: str) -> dict[str, Any]:
    """nbgrader as it is installed: serial, with its own preprocessors and feedback."""
    from nbgrader.api import Gradebook
    from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback

    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.source_directory, config.CourseDirectory.release_directory = "solutions", "release"
    config.CourseDirectory.course_id = "plain"
    everybody = batch.students(root, name)
    convert(GenerateAssignment, config, name)

    def run(students: list[str]) -> None:
        for student in students:
            convert(Autograde, config, name, student)
            convert(GenerateFeedback, config, name, student)

    run(everybody[:WARM])
    began = time.perf_counter()
    run(everybody[WARM:])
    seconds = time.perf_counter() - began
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        books = {s.student.id: s.notebooks[0] for s in gradebook.assignment_submissions(name)}
        points = {
            student: sum(grade.auto_score or 0.0 for grade in book.grades) for student, book in books.items()
        }
    return {"seconds": seconds, "points": points}


def watch(root: Path, name: str, count: int, farm: Farm) -> dict[str, Any]:
    """Many submissions in one run: their rate, and the memory of all processes by the number that is done."""
    make_class(root, name, count)
    config = load_config(ROOT / "nbgrader_config.py", root)
    done: Counter[str] = Counter()
    curve: list[tuple[int, int]] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(1.0):
            curve.append((done["all"], memory() // MEGABYTE))

    watcher = threading.Thread(target=look)
    watcher.start()
    began = time.perf_counter()
    batch.grade(root, name, config, farm, progress=lambda _: done.update(["all"]))
    seconds = time.perf_counter() - began
    over.set()
    watcher.join()
    late = np.array([point for point in curve if point[0] > (WARM + count) // 4]).T
    slope = np.polyfit(late[0], late[1], 1)[0] if late.size > 4 else float("nan")
    return {
        "submissions": WARM + count,
        "a_minute": round(60 * (WARM + count) / seconds),
        "highest_mib": max(point[1] for point in curve),
        "mib_for_each_1000_more": round(1000 * float(slope), 1),
        "mib_by_submissions": curve[:: max(1, len(curve) // 50)],
    }


def memory() -> int:
    """Bytes of this process and all below it; shared pages are counted once."""
    total = 0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total


def cpu_by_role() -> dict[str, float]:
    """CPU seconds so far of client, stations, testers, fork servers and workers."""
    client = psutil.Process()
    spent = {"client": _own(client), "station": 0.0, "tester": 0.0, "server": 0.0, "worker": 0.0}
    for station in client.children():
        if "course_lib.grading.station" not in station.cmdline():
            continue
        spent["station"] += _own(station)
        spent["tester"] += _ended(station)
        for process in station.children(recursive=True):
            if process.name().startswith("python"):
                spent["server"] += _own(process)
                spent["worker"] += _ended(process)
    return spent


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _ended(process: psutil.Process) -> float:
    """CPU seconds of its children that have ended, and of theirs."""
    times = process.cpu_times()
    return times.children_user + times.children_system


@contextmanager
def timed_phases() -> Iterator[dict[str, float]]:
    """Seconds of CPU in each of PHASES."""
    spent: dict[str, float] = defaultdict(float)

    def timed(phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent[phase] += time.thread_time() - began

        return call

    with ExitStack() as stack:
        for phase, (owner, name) in PHASES.items():
            stack.enter_context(patch.object(owner, name, timed(phase, getattr(owner, name))))
        yield spent


if __name__ == "__main__":
    main()
