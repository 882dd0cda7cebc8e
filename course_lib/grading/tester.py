"""Runs the tests of one submission, in a trusted process of its own; the student's code is in the worker.

Tests see the student's functions as proxies. What a test says is split in two: words for the student, which
show neither hidden tests nor their inputs, and detail for the instructor.
"""

import contextlib
import io
import signal
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import torch

from course_lib.grading.plan import Plan, Test
from course_lib.grading.proxy import (
    Connection,
    StudentError,
    WorkerGoneError,
    error_parts,
    failing_proxy,
    function_proxy,
)
from course_lib.grading.refusal import refused_uses
from course_lib.grading.words import words_for_student

CELL_SECONDS = 20.0
CELLS_SECONDS = 35.0  # for all cells together; after that only a short time for each answer
LATE_SECONDS = 3.0
TEST_SECONDS = 12.0
TOTAL_SECONDS = 60.0
RESTARTS = 3


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
        self, plan: Plan, cells: Sequence[Cell], new_worker: Callable[[], socket.socket], hidden: Path
    ) -> None:
        self.plan, self.cells, self.new_worker, self.hidden = plan, cells, new_worker, hidden
        self.report = Report()
        self.end = time.monotonic() + TOTAL_SECONDS
        self.skipped: set[str] = set()
        self.restarts = 0
        self.refused = refused_uses([c.source for c in cells if c.is_students], plan.refused)

    def run(self) -> Report:
        """Run the cells, then the tests."""
        self.connection = self._worker_with_cells()
        names = self._helper_names()
        for test in self.plan.tests:
            if self.connection.dead and time.monotonic() < self.end - LATE_SECONDS:
                self.connection = self._worker_with_cells()
            self.report.items[test.grade_id] = self._test(test, names)
        for name, refused in sorted(self.refused.items()):
            if name in self.plan.remote:
                self.report.incidents.append(f"{name} uses {refused}, which is refused")
        return self.report

    def _worker_with_cells(self) -> Connection:
        """A worker in which the cells have run; one that ends Python or hangs is left out the next time."""
        while True:
            connection = Connection(self.new_worker(), self.end)
            try:
                connection.ask("refuse", names=list(self.plan.refused))
                deadline = time.monotonic() + CELLS_SECONDS
                for cell in self.cells:
                    if cell.name not in self.skipped:
                        self._run_cell(connection, cell, deadline)
                return connection
            except WorkerGoneError:
                self.restarts += 1
                if self.restarts > RESTARTS or time.monotonic() > self.end - LATE_SECONDS:
                    return connection

    def _run_cell(self, connection: Connection, cell: Cell, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0 and cell.is_extra:
            self.report.errors[cell.name] = ("NotRun", "the cells above took too long", "")
            return
        try:
            answer = connection.ask(
                "exec", max(LATE_SECONDS, min(CELL_SECONDS, left)), name=cell.name, source=cell.source
            )
        except WorkerGoneError as error:
            self.skipped.add(cell.name)
            self.report.errors[cell.name] = (error.kind, f"{error.text}; this cell is left out", "")
            self.report.incidents.append(f"cell {cell.name}: {error.text}")
            raise
        outputs = answer.get("outputs")
        self.report.outputs[cell.name] = outputs if isinstance(outputs, list) else []
        if "error" in answer:
            self.report.errors[cell.name] = error_parts(answer["error"])

    def _helper_names(self) -> dict[str, Any]:
        """The names that the trusted helper cells define."""
        names: dict[str, Any] = {"__name__": "__main__", "HIDDEN": self.hidden}
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for _, code in self.plan.helpers:
                exec(code, names)  # the instructor's own cell
        return names

    def _test(self, test: Test, names: Mapping[str, Any]) -> Item:
        scope = dict(names)
        try:
            with _alarm(min(TEST_SECONDS, max(0.5, self.end - time.monotonic()))), _silence():
                _seed(test.seed)
                self.connection.begin(test.seed, TEST_SECONDS)
                self._bind(test, scope)
                exec(test.code, scope)  # the instructor's own cell
        except BaseException as error:
            error = self._about_name(error)
            said = words_for_student(error, test)
            detail = traceback.format_exception(error)[-12:]
            if isinstance(error, StudentError) and error.trace:
                detail.append("in the student's code:\n" + error.trace)
            return Item(False, 0.0, said, detail, type(error).__name__)
        finally:
            with contextlib.suppress(StudentError):
                self.connection.end()
        return Item(True, test.points)

    def _bind(self, test: Test, scope: dict[str, Any]) -> None:
        """Give the test what stands for the student's names that it reads."""
        for name in sorted(test.names & self.plan.remote):
            if name in self.refused:
                text = f"{name} uses {self.refused[name]}, which this assignment asks you to write yourself"
                scope[name] = failing_proxy(StudentError("Refused", text, name=name))
                continue
            kind = self.connection.ask("kind", name=name).get("value")
            if kind == "callable":
                scope[name] = function_proxy(self.connection, name)
            elif kind == "value":
                answer = self.connection.ask("get", name=name)
                scope[name] = self.connection.local(answer.get("value"), name)
            else:
                scope[name] = failing_proxy(StudentError("NameError", f"{name} is not defined", name=name))

    def _about_name(self, error: BaseException) -> BaseException:
        """If a name is missing because its cell failed, say so instead."""
        if not isinstance(error, StudentError) or error.kind != "NameError" or not self.report.errors:
            return error
        cell, (kind, text, _) = next(iter(self.report.errors.items()))
        error.text += f": the cell {cell} stopped with {kind}" + (f" ({text})" if text else "")
        error.args = (f"NameError: {error.text}",)
        return error


def _seed(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (a test cell may use the old functions)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Stop a test cell that takes too long."""

    def too_long(_: int, __: FrameType | None) -> NoReturn:
        raise StudentError("TimeoutError", f"this test ran for more than {seconds:.0f} seconds")

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds + 2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
