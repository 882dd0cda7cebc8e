"""Runs the tests of one submission, in a trusted process of its own; the student's code is in the worker.

Tests see the student's functions as proxies. What a test says is split in two: words for the student, which
show neither hidden tests nor their inputs, and detail for the instructor.
"""

import contextlib
import socket
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

from course_lib.grading.bounds import alarm, silence
from course_lib.grading.inside.seeding import seed_everything
from course_lib.grading.plan import Plan, Test, by_group, imported
from course_lib.grading.proxy import (
    Connection,
    StudentError,
    WorkerGoneError,
    error_parts,
    failing_proxy,
    function_proxy,
)
from course_lib.grading.shown import Shown
from course_lib.grading.suspects import suspicions
from course_lib.grading.words import LONGEST, words_for_student
from course_lib.refusal import parse, refused_uses

TOTAL_SECONDS = 60.0
RESTARTS = 6
SHARED = 3.0  # seconds in which a copy of the worker takes on further tests
QUICK = 5.0  # seconds; what ended sooner may have been ended by the system, and is tried once more
MAX_INCIDENTS = 40
ODD = {  # errors that an instructor should hear of
    "PythonEnded": "ended Python, or did not stop",
    "RefusedCallError": "reached a refused function while it ran",
}


@dataclass(frozen=True)
class Limits:
    """Seconds that a submission may take.

    Attributes:
        cell: one cell.
        cells: all cells together; after that only `late` for each answer.
        call: one call of a student's function.
        test: one test cell.
        total: everything.
    """

    cell: float = 20.0
    cells: float = 35.0
    late: float = 3.0
    call: float = 10.0
    test: float = 12.0
    total: float = TOTAL_SECONDS


@dataclass(frozen=True)
class Cell:
    """A code cell that the worker runs: its source, whether the student wrote it, and if so as an extra."""

    name: str
    source: str
    is_students: bool
    is_extra: bool


@dataclass
class Item:
    """The result of one test cell."""

    passed: bool
    points: float
    said: str = ""  # for the student
    detail: list[str] = field(default_factory=list)  # for the instructor
    error: str = ""


PASSED = Item(True, 0.0)
PUBLIC = frozenset({"public"})  # the group of all tests that students can read: they keep no secrets


@dataclass
class Report:
    """All that the tester found out about a submission."""

    items: dict[str, Item] = field(default_factory=dict)
    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    errors: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    incidents: list[str] = field(default_factory=list)


class Tester:
    """Grades one submission.

    Args:
        plan: the assignment.
        cells: the code cells for the worker, in order; no tests among them.
        new_worker: gives a connection to a fresh worker.
        hidden: folder with the assignment's hidden files.
    """

    def __init__(
        self,
        plan: Plan,
        cells: Sequence[Cell],
        new_worker: Callable[[], socket.socket],
        hidden: Path,
        limits: Limits = Limits(),
    ) -> None:
        self.plan, self.cells, self.new_worker, self.hidden = plan, cells, new_worker, hidden
        self.report = Report()
        self.limits, self.end = limits, time.monotonic() + limits.total
        self.skipped: set[str] = set()
        self.suspected: set[str] = set()  # cells in which a worker ended; the next time it was the cell
        self.restarts = 0
        self.told_all = False  # all that the student may read of what the student's code says
        self.shown = Shown()
        self.group, self.opened = frozenset[str](), 0.0  # which tests share the open copy of the worker
        students = [c.source for c in cells if c.is_students]
        self.refused = refused_uses(students, plan.refused)
        self.imports = {name for source in students if (tree := parse(source)) for name in imported(tree)}

    def run(self) -> Report:
        """Run the cells, then what students know of the tests, then the rest.

        Hidden inputs come last: up to there, whatever the student's code says may be repeated to the student.
        """
        self.connection = self._worker_with_cells()
        names = self._helper_names()
        found: dict[str, Item] = {}
        for test in self.plan.tests:
            if test.public is not None:
                found[test.grade_id] = self._test(test, test.public, names)
        self.told_all = True
        for test in by_group(test for test in self.plan.tests if test.hidden):
            if found.get(test.grade_id, PASSED).passed:
                found[test.grade_id] = self._test(test, test.code, names)
        self.report.items = {
            test.grade_id: found.get(test.grade_id, Item(True, test.points)) for test in self.plan.tests
        }
        for name, refused in sorted(self.refused.items()):
            if name in self.plan.remote:
                self._note(f"{name} uses {refused}, which is refused")
        for suspicion in suspicions((c.name, c.source) for c in self.cells if c.is_students):
            self._note(suspicion)
        return self.report

    def _note(self, incident: str) -> None:
        """Tell the instructor, once."""
        if incident not in self.report.incidents and len(self.report.incidents) < MAX_INCIDENTS:
            self.report.incidents.append(incident)

    def _worker_with_cells(self) -> Connection:
        """A worker in which the cells have run; one that hangs, or ends Python twice, is left out then."""
        while True:
            connection = Connection(self.new_worker(), self.end, self.limits.call)
            try:
                deadline = time.monotonic() + self.limits.cells
                for cell in self.cells:
                    if cell.name not in self.skipped:
                        self._run_cell(connection, cell, deadline)
                if self.imports:
                    self._import(connection)
                return connection
            except WorkerGoneError:
                self.restarts += 1
                if self.restarts > RESTARTS or time.monotonic() > self.end - self.limits.late:
                    return connection

    def _import(self, connection: Connection) -> None:
        with contextlib.suppress(StudentError):
            connection.ask("import", self.limits.late, names=sorted(self.imports))
        if connection.dead:
            self.imports = set()
            raise WorkerGoneError("PythonEnded", connection.dead)

    def _run_cell(self, connection: Connection, cell: Cell, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0 and cell.is_extra:
            self._tell(cell, [], ("NotRun", "the cells above took too long", ""))
            return
        began = time.monotonic()
        try:
            answer = connection.ask(
                "exec", max(self.limits.late, min(self.limits.cell, left)), name=cell.name, source=cell.source
            )
        except WorkerGoneError as error:
            if cell.name not in self.suspected and time.monotonic() - began < QUICK:
                self.suspected.add(cell.name)
                raise
            self.skipped.add(cell.name)
            self._tell(cell, [], (error.kind, f"{error.text}; this cell is left out", ""))
            self._note(f"cell {cell.name}: {error.text}")
            raise
        self._tell(cell, answer.get("outputs"), error_parts(answer["error"]) if "error" in answer else None)

    def _tell(self, cell: Cell, outputs: Any, error: tuple[str, str, str] | None) -> None:
        """Keep what a cell shows, unless its code may have seen hidden inputs by now."""
        if self.told_all:
            return
        self.report.outputs[cell.name] = self.shown.take(outputs)
        if error:
            self.report.errors[cell.name] = error

    def _helper_names(self) -> dict[str, Any]:
        """The names that the trusted helper cells define."""
        names: dict[str, Any] = {"__name__": "__main__", "HIDDEN": self.hidden}
        with silence():
            for _, code in self.plan.helpers:
                exec(code, names)  # the instructor's own cell
        return names

    def _test(self, test: Test, code: CodeType, names: Mapping[str, Any]) -> Item:
        """The result of a test, in a copy of the worker that saw only tests of the same group before.

        One that fails there soon is run again in a copy of its own. If Python ends in that at once, it may be
        an accident: once more.
        """
        group = PUBLIC if code is test.public else test.group
        joins, self.group = self._joins(group), group
        error, quick = self._error_of(test, code, names, fresh=not joins)
        if joins and error and quick:
            error, quick = self._error_of(test, code, names)
        if quick and isinstance(error, StudentError) and error.kind == "PythonEnded":
            again, _ = self._error_of(test, code, names)
            error = error if isinstance(again, WorkerGoneError) else again  # that may have been an accident
        if error is None:
            return Item(True, test.points)
        return self._failed(test, self._about_name(error))

    def _joins(self, group: frozenset[str]) -> bool:
        """Whether the open copy of the worker may take on a test of this group."""
        is_young = time.monotonic() - self.opened < SHARED
        return self.connection.in_test and not self.connection.dead and group == self.group and is_young

    def _error_of(
        self, test: Test, code: CodeType, names: Mapping[str, Any], *, fresh: bool = True
    ) -> tuple[BaseException | None, bool]:
        """What a test raises, and whether it did so soon; in a fresh copy of the worker or the open one."""
        began = time.monotonic()
        error = self._raised_by(test, code, names, fresh)
        return error, time.monotonic() - began < QUICK

    def _raised_by(
        self, test: Test, code: CodeType, names: Mapping[str, Any], fresh: bool
    ) -> BaseException | None:
        if time.monotonic() > self.end:
            text = f"the {self.limits.total:.0f} seconds for the whole notebook were over before this test"
            return StudentError("NotRun", text, is_ours=True)
        if fresh:
            self._end_copy()
        if self.connection.dead and time.monotonic() < self.end - self.limits.late:
            self.connection = self._worker_with_cells()
        scope = dict(names)
        try:
            with alarm(min(self.limits.test, max(0.5, self.end - time.monotonic()))), silence():
                seed_everything(test.seed)
                if fresh:
                    self.opened = time.monotonic()
                scope |= self._bound(test, self.limits.test + SHARED if fresh else 0.0)
                exec(code, scope)  # the instructor's own cell
        except BaseException as error:
            self._end_copy()
            return error
        return None

    def _end_copy(self) -> None:
        with contextlib.suppress(StudentError):
            self.connection.end()

    def _failed(self, test: Test, error: BaseException) -> Item:
        said = words_for_student(error, test, hidden=self.told_all)
        detail = traceback.format_exception(error)[-12:]
        if isinstance(error, StudentError):
            if error.trace:
                detail.append("in the student's code:\n" + error.trace)
            if error.kind in ODD:
                self._note(f"test {test.grade_id}: {error.name or 'the code'} {ODD[error.kind]}")
            if self.connection.dead:
                self._note(f"test {test.grade_id}: {self.connection.dead}")
        return Item(False, 0.0, said, [part[:LONGEST] for part in detail], type(error).__name__)

    def _bound(self, test: Test, seconds: float) -> dict[str, Any]:
        """Begin a test; what stands in it for the student's names that it reads."""
        names = sorted(test.names & self.plan.remote)
        kinds = self.connection.begin(test.seed, names, seconds)
        return {name: self._stand_in(name, kinds.get(name)) for name in names}

    def _stand_in(self, name: str, kind: Any) -> Any:
        if name in self.refused:
            text = f"{name} uses {self.refused[name]}, which this assignment asks you to write yourself"
            return failing_proxy(StudentError("Refused", text, name=name, is_ours=True))
        if kind == "callable":
            return function_proxy(self.connection, name)
        if kind == "value":
            return self.connection.local(self.connection.ask("get", name=name).get("value"), name)
        text = f"{name} is not defined"
        return failing_proxy(StudentError("NameError", text, name=name, is_ours=True))

    def _about_name(self, error: BaseException) -> BaseException:
        """If a name is missing because its cell failed, say so instead."""
        missing = isinstance(error, StudentError) and error.is_ours and error.kind == "NameError"
        if not (missing and self.report.errors):
            return error
        assert isinstance(error, StudentError)
        cell, (kind, text, _) = next(iter(self.report.errors.items()))
        error.text += f": the cell {cell} stopped with {kind}" + (f" ({text})" if text else "")
        error.args = (f"NameError: {error.text}",)
        return error
