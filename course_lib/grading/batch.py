"""Grade every submission of an assignment, several at a time; a broken one never stops the rest.

What is done is marked in `autograded/STUDENT/NAME/.graded.json`, last of all, so a run that was cut off goes
on where it stopped.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from filelock import FileLock, Timeout
from traitlets.config import Config

from course_lib.files import atomic_write
from course_lib.grading.assignment import Assignment, load_assignment
from course_lib.grading.books import Books, BusyError, alone_in_books, open_books
from course_lib.grading.course import SOURCES, convert
from course_lib.grading.farm import Farm, Task
from course_lib.grading.feedback import render
from course_lib.grading.ingest import RefusedError
from course_lib.grading.release import ReleaseError
from course_lib.grading.scratch import remove_unfinished, scratch
from course_lib.grading.source_check import check_source
from course_lib.grading.submission_file import HandedIn, fetch

GRADED, UNCHANGED, BROKEN = "graded", "unchanged", "BROKEN"
STUDENT_ID = re.compile(r"\w[\w.@-]{0,99}")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of one submission. Points are None for a broken one.

    Attributes:
        items: test cell -> whether it passed.
        incidents: what looks like an attack, or broke down.
        seconds: how long its code and tests ran; 0 if it was not run.
    """

    student: str
    status: str
    points: float | None = None
    out_of: float | None = None
    to_grade_by_hand: int = 0
    note: str = ""
    items: dict[str, bool] = field(default_factory=dict)
    incidents: tuple[str, ...] = ()
    seconds: float = 0.0


def students(root: Path, name: str) -> list[str]:
    """Everyone with a folder `submitted/STUDENT/NAME`, in order of name."""
    return sorted(path.parent.name for path in (root / "submitted").glob(f"*/{name}"))


def grade(
    root: Path,
    name: str,
    config: Config,
    farm: Farm,
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
        farm: runs the submissions.
        only: these students; everybody if None.
        force: run unchanged submissions again, too.
        progress: called after each submission.
    Returns:
        The outcomes, in order of student.
    Raises:
        ReleaseError: if the assignment's own source is broken.
        BusyError: if another run is at work here.
        GradebookError: if the gradebook cannot be opened.
    """
    if problems := check_source(root / SOURCES / name):
        raise ReleaseError(name, problems)
    with _alone(root), alone_in_books(config):
        _register(root, name, config)
        with open_books(name, config) as books:
            run = _Run(root, load_assignment(root / SOURCES / name), books, force, farm.unsafe)
            wanted = students(root, name) if only is None else sorted(only)
            found = list(run.outcomes(wanted, farm, progress))
    return sorted(found, key=lambda outcome: outcome.student)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Only one run at a time writes into a course folder; the lock goes with its process."""
    (root / ".cache").mkdir(exist_ok=True)
    try:
        with FileLock(root / ".cache" / "grading.lock", timeout=0):
            yield
    except Timeout:
        raise BusyError("another run is grading in this folder; wait until it has ended") from None


def _register(root: Path, name: str, config: Config) -> None:
    """Bring the assignment's cells and points in the gradebook up to date."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException

    try:
        with scratch("register", root / ".cache") as folder:
            convert(GenerateAssignment, config, name, release_directory=str(folder.resolve()))
    except NbGraderException as error:
        said = "".join(getattr(error, "__notes__", []))
        if "Cannot add or remove cells" in said:
            said = (
                "graded cells were added or removed although the gradebook already holds submissions; "
                "put them back, or move gradebook.db away and grade everybody again"
            )
        raise ReleaseError(name, [said.strip()]) from error


@dataclass
class _Run:
    """One run over the submissions of an assignment."""

    root: Path
    assignment: Assignment
    books: Books
    force: bool
    unsafe: bool

    def outcomes(
        self, wanted: list[str], farm: Farm, progress: Callable[[Outcome], None]
    ) -> Iterator[Outcome]:
        """The outcome of every student, as they come."""
        tasks = self._tasks(wanted, progress)
        for task, result in farm.run(self.assignment, tasks):
            outcome = self._outcome_of(task, result)
            progress(outcome)
            yield outcome
        yield from self.settled

    def _tasks(self, wanted: list[str], progress: Callable[[Outcome], None]) -> Iterator[Task]:
        """What has to be run; the others are settled on the way."""
        self.settled: list[Outcome] = []
        for student in wanted:
            try:
                handed = self._take_in(student)
                mark = self._mark(handed)
                if not self.force and self._marked(student) == mark and self.books.grades(student):
                    outcome = self._again(student)
                else:
                    yield Task(student, handed.data, mark, (handed, mark))
                    continue
            except Exception as error:
                outcome = _broken(student, error)
            self.settled.append(outcome)
            progress(outcome)

    def _outcome_of(self, task: Task, result: dict[str, Any] | Exception) -> Outcome:
        handed, mark = task.about
        try:
            if isinstance(result, Exception):
                raise result
            if "refused" in result:
                raise RefusedError(result["refused"])
            if result["failed"]:
                return Outcome(task.student, BROKEN, note=result["failed"])
            return self._save(task.student, handed, mark, result)
        except Exception as error:
            return _broken(task.student, error)

    def _take_in(self, student: str) -> HandedIn:
        if not STUDENT_ID.fullmatch(student):
            raise RefusedError("the folder's name is no student id (letters, digits and . _ @ - only)")
        folder = self.root / "submitted" / student / self.assignment.name
        if folder.parent.is_symlink():
            raise RefusedError(f"{student} is a link")
        return fetch(folder, self.assignment.name)

    def _save(self, student: str, handed: HandedIn, mark: str, result: dict[str, Any]) -> Outcome:
        notebook = nbformat.from_dict(result["notebook"])
        self.books.record(student, notebook, handed.when)
        folder = self._graded(student)
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)
        with atomic_write(folder / f"{self.assignment.name}.ipynb") as file:
            file.write(nbformat.writes(notebook))
        for name, content in self.assignment.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        kept = {key: result[key] for key in ("passed", "incidents", "notes", "seconds")}
        kept["notes"] = [*handed.notes, *kept["notes"]]
        outcome = self._with_feedback(student, notebook, GRADED, kept)
        with atomic_write(folder / ".graded.json") as file:
            json.dump({"sha256": mark, **kept}, file)
        return outcome

    def _again(self, student: str) -> Outcome:
        """An unchanged submission: only its feedback is written anew."""
        folder = self._graded(student)
        notebook = nbformat.read(folder / f"{self.assignment.name}.ipynb", as_version=4)
        kept = json.loads((folder / ".graded.json").read_text("utf-8"))
        return self._with_feedback(student, notebook, UNCHANGED, kept)

    def _with_feedback(self, student: str, notebook: Any, status: str, kept: dict[str, Any]) -> Outcome:
        grades = self.books.grades(student)
        assert grades is not None
        folder = self.root / "feedback" / student / self.assignment.name
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)
        with atomic_write(folder / f"{self.assignment.name}.html") as file:
            file.write(render(notebook, grades, self.assignment.name))
        return Outcome(
            student,
            status,
            points=max(0.0, sum(grades.points.values()) - grades.late_penalty),
            out_of=sum(grades.out_of.values()),
            to_grade_by_hand=len(grades.waiting),
            note="; ".join(kept["notes"]),
            items=kept["passed"],
            incidents=tuple(kept["incidents"]),
            seconds=kept["seconds"] if status == GRADED else 0.0,
        )

    def _graded(self, student: str) -> Path:
        return self.root / "autograded" / student / self.assignment.name

    def _mark(self, handed: HandedIn) -> str:
        """What a grade depends on: the submission, the assignment, and when it was handed in."""
        when = handed.when.isoformat() if isinstance(handed.when, datetime) else ""
        parts = [self.assignment.mark, when, hashlib.sha256(handed.data).hexdigest()]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    def _marked(self, student: str) -> str | None:
        try:
            return str(json.loads((self._graded(student) / ".graded.json").read_text("utf-8"))["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _broken(student: str, error: Exception) -> Outcome:
    if not isinstance(error, RefusedError):
        log.error("grading %s failed", student, exc_info=error)
    return Outcome(student, BROKEN, note=(str(error) or repr(error)).strip().splitlines()[-1][:300])
