"""Grade one submission: bytes in, a plain dict out; no database, no course folder, on any machine."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_lib.grading.assignment import Assignment
from course_lib.grading.clean import clean
from course_lib.grading.ingest import read_notebook, rebuild
from course_lib.grading.plan import Plan, cells_to_run, grade_id, is_answer, is_ours, is_test, make_plan
from course_lib.grading.stations import Station
from course_lib.grading.submission import storable
from course_lib.grading.tester import Cell

NOT_RUN = "the tests of this submission could not be run"


@dataclass(frozen=True)
class Graded:
    """A graded submission.

    Attributes:
        notebook: the rebuilt notebook with its outputs; a failed test has one error output.
        passed: test cell -> whether it passed.
        incidents: what looks like an attack, or broke down.
        notes: what was put right before grading.
        seconds: from the first worker to the last test.
        failed: why there is no result; the submission must be graded again.
    """

    notebook: NotebookNode
    passed: dict[str, bool]
    incidents: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    failed: str = ""


def grade_bytes(student: bytes, assignment: Assignment, station: Station) -> Graded:
    """Grade what a student handed in.

    Raises:
        RefusedError: if it is no notebook of this assignment.
        StationError: if this machine cannot grade.
    """
    notebook, notes = rebuild(assignment.source, read_notebook(student))
    return grade_notebook(notebook, assignment, station, tuple(notes))


def grade_notebook(
    notebook: NotebookNode, assignment: Assignment, station: Station, notes: tuple[str, ...] = ()
) -> Graded:
    """Grade a rebuilt notebook; it is filled with outputs, and made safe to look at, in place."""
    began = time.monotonic()
    plan = _plan(assignment.mark, assignment.notebook)
    report = station.grade(assignment, _cells(notebook, plan))
    fill(notebook, report)
    clean(notebook)
    items = report["items"]
    return Graded(
        notebook=notebook,
        passed={test.grade_id: bool(items.get(test.grade_id, {}).get("passed")) for test in plan.tests},
        incidents=tuple(report["incidents"]),
        notes=notes,
        seconds=time.monotonic() - began,
        failed=report.get("failed", ""),
    )


@lru_cache(maxsize=8)
def _plan(mark: str, notebook: bytes) -> Plan:
    return make_plan(nbformat.reads(notebook.decode("utf-8"), as_version=4))


def _cells(notebook: NotebookNode, plan: Plan) -> list[Cell]:
    """What the worker runs; the tests come from the instructor's notebook alone."""
    return [
        Cell(
            name=cell_name(cell),
            source=cell.source,
            is_students=is_answer(cell) or not is_ours(cell),
            is_extra=not is_ours(cell),
        )
        for cell in cells_to_run(notebook, plan)
    ]


def cell_name(cell: NotebookNode) -> str:
    """The name by which a cell is known in messages."""
    return grade_id(cell) or str(cell.get("id", ""))


def fill(notebook: NotebookNode, report: dict[str, Any]) -> None:
    """Give the cells the outputs that the report tells of."""
    count = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        name = cell_name(cell)
        if is_test(cell):
            cell.outputs = _test_outputs(report["items"].get(name))
        else:
            shown = [_output(item, count) for item in report["outputs"].get(name, [])]
            cell.outputs = [output for output in shown if output] + _error(report["errors"].get(name))


def _test_outputs(item: dict[str, Any] | None) -> list[NotebookNode]:
    if item is None:
        return [new_output("error", ename="NotRun", evalue=NOT_RUN, traceback=[])]
    if item["passed"]:
        return []
    detail = [storable(text) for text in item["detail"]]
    return [new_output("error", ename=item["error"], evalue=storable(item["said"]), traceback=detail)]


def _output(item: Any, count: int) -> NotebookNode | None:
    """An output as the worker tells of it; None if it makes no sense."""
    match item:
        case {"stream": str(text)}:
            return new_output("stream", name="stdout", text=storable(text))
        case {"data": dict(data), "value": bool(value)}:
            kept = {str(kind): storable(text) for kind, text in data.items() if isinstance(text, str)}
            if value:
                return new_output("execute_result", data=kept, execution_count=count)
            return new_output("display_data", data=kept)
    return None


def _error(error: Any) -> list[NotebookNode]:
    if not error:
        return []
    kind, text, trace = (storable(part) for part in error)
    lines = [line for line in (trace.rstrip(), f"{kind}: {text}" if text else kind) if line]
    return [new_output("error", ename=kind, evalue=text, traceback=lines)]
