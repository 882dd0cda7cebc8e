"""Known answers: right ones that must earn everything, wrong ones that must earn exactly what they say.

`tests/assignments/NAME/wrong/*.py` and `right/*.py` each replace some answers of the reference solution:

    \"\"\"The misconception, in one sentence.\"\"\"
    # score: 9
    # caught by: hidden_statistics
    # cell: batch_norm
    def batch_norm(x): ...

The score is the automatic one; `caught by` names the test cell that exists for this mistake. From one run of
all answers comes a matrix (answer x test cell), and everything that is checked is computed from it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_lib.grading.assignment import Assignment, load_assignment
from course_lib.grading.farm import Farm, Task
from course_lib.grading.plan import grade_id, is_answer, is_test
from course_lib.grading.regions import HIDDEN, lines
from course_lib.grading.stubs import released

REFERENCE, UNTOUCHED = "reference", "untouched"
Matrix = dict[str, dict[str, bool]]  # answer -> test cell -> whether it passed


@dataclass(frozen=True)
class Answer:
    """A known answer. Score and catching cell are None where they are not declared.

    Attributes:
        name: "reference", "untouched", "right/loop", "wrong/biased_variance".
        cells: the sources that replace the reference's, by grade_id.
    """

    name: str
    cells: dict[str, str]
    score: float | None = None
    caught_by: str | None = None


def read_answer(path: Path) -> Answer:
    """Read one file of known answers.

    Raises:
        ValueError: if a wrong answer does not declare its score and the cell that catches it.
    """
    text = path.read_text("utf-8")
    parts = re.split(r"^# cell: (\S+)\n", text, flags=re.MULTILINE)
    declared = dict(re.findall(r"^# (score|caught by): (\S+)$", parts[0], flags=re.MULTILINE))
    if path.parent.name == "wrong" and set(declared) != {"score", "caught by"}:
        raise ValueError(f"{path.name}: a wrong answer declares '# score:' and '# caught by:'")
    return Answer(
        name=f"{path.parent.name}/{path.stem}",
        cells=dict(zip(parts[1::2], parts[2::2], strict=True)),
        score=float(declared["score"]) if "score" in declared else None,
        caught_by=declared.get("caught by"),
    )


def known_answers(assignment: Assignment, folder: Path) -> list[Answer]:
    """The reference, the untouched release, and all answers in `folder`/right and `folder`/wrong.

    Raises:
        ValueError: if an answer names a cell that the assignment does not have.
    """
    answers = {grade_id(c): c for c in assignment.source.cells if c.cell_type == "code" and is_answer(c)}
    untouched = {name: released(cell) for name, cell in answers.items()}
    found = [Answer(REFERENCE, {}), Answer(UNTOUCHED, untouched, score=0.0)]
    for kind in ("right", "wrong"):
        found += [read_answer(path) for path in sorted((folder / kind).glob("*.py"))]
    for answer in found:
        if unknown := set(answer.cells) - set(answers):
            raise ValueError(f"{answer.name}: there is no answer cell {min(unknown)}")
    return found


def notebook_of(answer: Answer, source: NotebookNode) -> str:
    """The answer as a student would hand it in."""
    notebook = nbformat.from_dict(source)
    for cell in notebook.cells:
        cell.source = answer.cells.get(grade_id(cell), cell.source)
    return str(nbformat.writes(notebook))


def run_known(
    assignment: Assignment, answers: Iterable[Answer], farm: Farm
) -> Iterator[tuple[Answer, dict[str, Any]]]:
    """Grade every known answer; yields them with their results, as they finish."""
    tasks = (
        Task(answer.name.replace("/", "."), notebook_of(answer, assignment.source).encode(), "known", answer)
        for answer in answers
    )
    for task, result in farm.run(assignment, tasks):
        if isinstance(result, Exception):
            raise result
        yield task.about, result


def points_of(source: NotebookNode) -> dict[str, float]:
    """The points of each test cell."""
    return {grade_id(c): float(c.metadata.nbgrader.points) for c in source.cells if _counts(c)}


def hidden_cells(source: NotebookNode) -> set[str]:
    """The test cells with hidden tests."""
    return {
        grade_id(c) for c in source.cells if _counts(c) and any(x.kind == HIDDEN for x in lines(c.source))
    }


def _counts(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and is_test(cell)


def problems(
    matrix: Matrix, answers: Iterable[Answer], points: Mapping[str, float], hidden: set[str]
) -> list[str]:
    """What the matrix shows that is not as it was declared, one sentence each."""
    found = []
    full = sum(points.values())
    for answer in answers:
        row = matrix[answer.name]
        score = sum(points[cell] for cell, passed in row.items() if passed)
        wanted = full if answer.score is None else answer.score
        if score != wanted:
            missed = ", ".join(cell for cell, passed in row.items() if not passed) or "none"
            found.append(f"{answer.name}: earns {score:g}, should earn {wanted:g}; failed cells: {missed}")
        if answer.caught_by and row.get(answer.caught_by) is not False:
            found.append(f"{answer.name}: is not caught by {answer.caught_by}")
    wrong = [row for name, row in matrix.items() if name.startswith("wrong/")]
    return found + [f"{cell}: earns no place, no wrong answer is told apart by it" for cell in sorted(hidden)
                    if not _earns_its_place(cell, wrong, points)]  # fmt: skip


def _earns_its_place(cell: str, wrong: Iterable[dict[str, bool]], points: Mapping[str, float]) -> bool:
    """Whether a wrong answer fails this cell alone, or would score a higher share without it."""
    full = sum(points.values())
    for row in wrong:
        failed = {name for name, passed in row.items() if not passed}
        score = sum(points[name] for name, passed in row.items() if passed)
        if failed == {cell} or (cell in failed and score / (full - points[cell]) > score / full):
            return True
    return False


def load_matrix(path: Path) -> Matrix:
    """The committed matrix: for each answer the cells that failed, for each cell whether it passed."""
    kept = json.loads(path.read_text("utf-8"))
    return {
        name: {cell: cell not in failed for cell in kept["cells"]} for name, failed in kept["failed"].items()
    }


def save_matrix(path: Path, matrix: Matrix) -> None:
    """Write the matrix, one line for each answer."""
    cells = list(matrix[REFERENCE])
    rows = {name: [c for c in cells if not matrix[name][c]] for name in sorted(matrix)}
    body = ",\n".join(f"    {json.dumps(name)}: {json.dumps(failed)}" for name, failed in rows.items())
    path.write_text(f'{{\n  "cells": {json.dumps(cells)},\n  "failed": {{\n{body}\n  }}\n}}\n', "utf-8")


def load(root: Path, name: str) -> tuple[Assignment, list[Answer], Path]:
    """An assignment of a course folder, its known answers, and where its matrix is kept."""
    assignment = load_assignment(root / "solutions" / name)
    folder = root / "tests" / "assignments" / name
    return assignment, known_answers(assignment, folder), folder / "matrix.json"
