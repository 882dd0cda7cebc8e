"""Grade every submission of an assignment, one after the other; a broken one never stops the rest."""

import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config

from course_lib.files import atomic_write
from course_lib.grading.course import SOURCES, convert
from course_lib.grading.ingest import RefusedError, Submission, read_submission, rebuild
from course_lib.grading.release import ReleaseError
from course_lib.grading.source_check import check_source

GRADED, UNCHANGED, BROKEN = "graded", "unchanged", "BROKEN"
STUDENT_ID = re.compile(r"\w[\w.@-]{0,99}")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of one submission. Points are None for a broken one."""

    student: str
    status: str
    points: float | None = None
    out_of: float | None = None
    to_grade_by_hand: int = 0
    note: str = ""


def students(root: Path, name: str) -> list[str]:
    """Everyone with a folder `submitted/STUDENT/NAME`, in order of name."""
    return sorted(path.parent.name for path in (root / "submitted").glob(f"*/{name}"))


def grade(
    root: Path,
    name: str,
    config: Config,
    only: Iterable[str] | None = None,
    *,
    force: bool = False,
    progress: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Autograde `submitted/*/NAME/` into the gradebook and write feedback.

    A submission that has not changed since it was graded is not run again; its feedback is written
    anew, so that it shows what was graded by hand in between.

    Args:
        root: the course folder.
        name: the assignment.
        config: as `course.load_config` gives it.
        only: these students; everybody if None.
        force: run unchanged submissions again, too.
        progress: called after each submission.
    Raises:
        ReleaseError: if the assignment's own source is broken.
    """
    source_folder = root / SOURCES / name
    if problems := check_source(source_folder):
        raise ReleaseError(name, problems)
    source = nbformat.read(source_folder / f"{name}.ipynb", as_version=4)
    (root / ".cache").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root / ".cache", prefix="grading-") as scratch:
        stage = Path(scratch).resolve()
        _register(name, config, stage)
        outcomes = []
        for student in students(root, name) if only is None else sorted(only):
            outcomes.append(_grade_one(root, name, student, source, config, stage, force))
            progress(outcomes[-1])
    return outcomes


def _register(name: str, config: Config, stage: Path) -> None:
    """Bring the assignment's cells and points in the gradebook up to date."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException

    try:
        convert(GenerateAssignment, config, name, release_directory=str(stage / "release"))
    except NbGraderException as error:
        said = "".join(getattr(error, "__notes__", []))
        if "Cannot add or remove cells" in said:
            said = (
                "graded cells were added or removed although gradebook.db already holds submissions; "
                "put them back, or move gradebook.db away and grade everybody again"
            )
        raise ReleaseError(name, [said.strip()]) from error


def _grade_one(
    root: Path, name: str, student: str, source: NotebookNode, config: Config, stage: Path, force: bool
) -> Outcome:
    from nbgrader.converters import Autograde, GenerateFeedback

    try:
        folder = root / "submitted" / student / name
        submitted = _take_in(folder, name, student)
        notebook, notes = rebuild(source, submitted)
        text = nbformat.writes(notebook)
        mark = hashlib.sha256(text.encode() + _data(root / SOURCES / name)).hexdigest()
        graded = root / "autograded" / student / name
        unchanged = not force and _mark(graded) == mark and _scores(root, name, student) is not None
        if not unchanged:
            _stage(stage / "submitted" / student / name, name, text, submitted.when)
            convert(Autograde, config, name, student, submitted_directory=str(stage / "submitted"))
            with atomic_write(graded / ".graded.json") as file:
                json.dump({"sha256": mark}, file)
        convert(GenerateFeedback, config, name, student)
        points, out_of, by_hand = _scores(root, name, student) or (0.0, 0.0, 0)
        return Outcome(student, UNCHANGED if unchanged else GRADED, points, out_of, by_hand, "; ".join(notes))
    except RefusedError as error:
        return Outcome(student, BROKEN, note=str(error))
    except Exception as error:
        log.exception("grading %s of %s failed", name, student)
        reasons = [str(error), *getattr(error, "__notes__", [])]
        return Outcome(
            student, BROKEN, note=reasons[-1].strip().splitlines()[-1][:200] if reasons[-1] else repr(error)
        )


def _take_in(folder: Path, name: str, student: str) -> Submission:
    if not STUDENT_ID.fullmatch(student):
        raise RefusedError("the folder's name is no student id (letters, digits and . _ @ - only)")
    return read_submission(folder, name)


def _stage(target: Path, name: str, text: str, when: datetime | None) -> None:
    """Put the rebuilt notebook where nbgrader looks, with the time the file system says it was handed in."""
    target.mkdir(parents=True)
    (target / f"{name}.ipynb").write_text(text, encoding="utf-8")
    (target / "timestamp.txt").write_text(
        f"{when or datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f} UTC", encoding="utf-8"
    )


def _scores(root: Path, name: str, student: str) -> tuple[float, float, int] | None:
    """Points, maximum and number of answers to grade by hand; None if the gradebook has no submission."""
    from nbgrader.api import Gradebook, MissingEntry

    with Gradebook(f"sqlite:///{root.resolve()}/gradebook.db") as gradebook:
        try:
            submission = gradebook.find_submission(name, student)
        except MissingEntry:
            return None
        waiting = sum(grade.needs_manual_grade for book in submission.notebooks for grade in book.grades)
        return float(submission.score), float(submission.max_score), int(waiting)


def _mark(graded: Path) -> str | None:
    try:
        return str(json.loads((graded / ".graded.json").read_text("utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _data(folder: Path) -> bytes:
    """The assignment's data files, as part of what a grade depends on."""
    files = sorted(p for p in (folder / "data").rglob("*") if p.is_file())
    return b"".join(os.fsencode(p.relative_to(folder)) + p.read_bytes() for p in files)
