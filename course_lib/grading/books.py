"""Write results straight into nbgrader's gradebook: one open session and one commit for a submission.

It keeps to what nbgrader's own `autograde` does (a test holds the two equal), in a tenth of its time.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from nbformat import NotebookNode
from traitlets.config import Config

from course_lib.grading.grades import Grades, grades_of


class BusyError(RuntimeError):
    """Another run is grading into this gradebook, or in this course folder."""


class GradebookError(RuntimeError):
    """The gradebook cannot be opened."""


class Books:
    """An open gradebook and one of its assignments.

    Args:
        gradebook: nbgrader's `Gradebook`.
        name: the assignment, which has one notebook of the same name.
        config: nbgrader's settings (for the penalty of late submissions).
    """

    def __init__(self, gradebook: Any, name: str, config: Config) -> None:
        from nbgrader.preprocessors import AssignLatePenalties

        self.gradebook, self.name = gradebook, name
        self.late = AssignLatePenalties(config=config)
        self.late.init_plugin()
        gradebook.db().expire_on_commit = False  # or the cells would be read again for every student
        sources = gradebook.find_notebook(name, name)
        self.cells = list(sources._base_cells)  # kept, because the session keeps nothing by itself
        self.checksums = {cell.name: cell.checksum for cell in sources.source_cells}

    def record(self, student: str, notebook: NotebookNode, when: datetime | None) -> None:
        """Save the results that a graded notebook shows, and put nbgrader's checksums into it."""
        from nbgrader import utils

        book = self._submission(student, when)
        cells = {}
        for cell in notebook.cells:
            if name := cell.metadata.get("nbgrader", {}).get("grade_id"):
                cell.metadata.nbgrader["checksum"] = self.checksums.get(name)
                cells[name] = cell
        for grade in book.grades:
            cell = cells[grade.name]
            grade.auto_score = None if utils.is_solution(cell) else utils.determine_grade(cell)[0]
            grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
        for comment in book.comments:
            cell = cells[comment.name]
            untouched = cell.metadata.nbgrader["checksum"] == utils.compute_checksum(cell)
            comment.auto_comment = "No response." if untouched else None
        self.gradebook.db.flush()
        self._forget(book)
        self._penalty(book)
        self.gradebook.db.commit()
        self._forget(book)

    def _forget(self, book: Any) -> None:
        """Let the sums that the database computes be asked for again."""
        for thing in (book.assignment, book, *book.grades, *book.comments):
            self.gradebook.db.expire(thing)

    def _submission(self, student: str, when: datetime | None) -> Any:
        """The student's `SubmittedNotebook`, made if it is new."""
        self.gradebook.update_or_create_student(student)
        known = {"timestamp": when.strftime("%Y-%m-%d %H:%M:%S.%f %Z")} if when else {}
        submission = self.gradebook.update_or_create_submission(self.name, student, **known)
        return submission.notebooks[0]

    def _penalty(self, book: Any) -> None:
        book.late_submission_penalty = None
        seconds = book.assignment.total_seconds_late
        if seconds > 0:
            penalty = self.late.plugin_inst.late_submission_penalty(book.student.id, book.score, seconds)
            if penalty is not None:
                book.late_submission_penalty = self.late._check_late_penalty(book, penalty)

    def grades(self, student: str) -> Grades | None:
        """What the gradebook says about a submission; None if it has none."""
        from nbgrader.api import MissingEntry

        try:
            return grades_of(self.gradebook.find_submission_notebook(self.name, self.name, student))
        except MissingEntry:
            return None


@contextmanager
def open_books(name: str, config: Config) -> Iterator[Books]:
    """The gradebook that the settings name, by default `gradebook.db` in the course folder."""
    from nbgrader.api import Gradebook
    from nbgrader.coursedir import CourseDirectory

    course = CourseDirectory(config=config)
    with warnings.catch_warnings(), Gradebook(course.db_url, course.course_id) as gradebook:
        warnings.simplefilter("ignore")  # SQLAlchemy's, about nbgrader's own queries
        yield Books(gradebook, name, config)


@contextmanager
def alone_in_books(config: Config) -> Iterator[None]:
    """Nobody else grades into this gradebook meanwhile, not even from another machine.

    A file is guarded by the lock of its course folder. In PostgreSQL the lock belongs to a connection, so it
    goes when the process does.

    Raises:
        GradebookError: if the server cannot be reached.
        BusyError: if somebody else is at it.
    """
    from nbgrader.coursedir import CourseDirectory
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import SQLAlchemyError

    url = CourseDirectory(config=config).db_url
    if url.startswith("sqlite:"):
        yield
        return
    try:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        connection = engine.connect()
    except (SQLAlchemyError, ImportError) as error:
        driver = " (install a driver, for example: pip install 'psycopg[binary]')"
        hint = driver if isinstance(error, ImportError) else ""
        raise GradebookError(f"the gradebook cannot be opened: {_first_line(error)}{hint}") from error
    try:
        if engine.dialect.name == "postgresql":
            taken = connection.execute(text("SELECT pg_try_advisory_lock(hashtext('course-grade'))")).scalar()
            if not taken:
                raise BusyError("another run is grading into this gradebook; wait until it has ended")
        yield
    finally:
        connection.close()
        engine.dispose()


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
