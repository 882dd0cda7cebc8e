"""Take a submission in: refuse what is no notebook, rebuild the rest from the instructor's copy.

Only two things of a submission are used: the sources of its answer cells, and the student's own extra
cells. Everything else, tests and metadata above all, comes from the instructor's notebook, so a moved,
edited, deleted or duplicated cell can neither cheat nor stop the grading.
"""

import copy
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from nbformat import NotebookNode

from course_lib.grading.matching import Matched, grade_id, is_answer, match, texts
from course_lib.grading.regions import collapse
from course_lib.grading.stubs import TEXT_STUB, defined_names, is_untouched, released, stub_line
from course_lib.grading.submission import Cell, Submission, from_nbformat, read_notebook
from course_lib.grading.submission_file import RefusedError, fetch, printable

__all__ = ["MISSING", "RefusedError", "Submission", "read_notebook", "read_submission", "rebuild"]

MAX_EXTRA_CELLS = 300
MISSING = "# This answer cell was missing from the submission."


def read_submission(folder: Path, name: str) -> Submission:
    """The notebook `NAME.ipynb` of a submission's folder, or the only notebook there.

    Raises:
        RefusedError: if it is missing, a link, too large, or not a notebook.
    """
    handed = fetch(folder, name)
    read = read_notebook(handed.data, printable(handed.name))
    return replace(read, notes=handed.notes + read.notes, when=handed.when)


def rebuild(source: NotebookNode, submitted: Submission | NotebookNode) -> tuple[NotebookNode, list[str]]:
    """The instructor's notebook with the student's answers in it.

    Args:
        source: the instructor's notebook, of `solutions/`; it is not changed, nor shared with the result.
        submitted: what the student handed in, from `read_submission`, `read_notebook` or nbformat.
    Returns:
        The notebook to run, and a note for each thing that was put right or looks odd.
    Raises:
        RefusedError: if none of its cells belongs to the assignment.
    """
    if not isinstance(submitted, Submission):
        submitted = from_nbformat(submitted)
    book = match(source, submitted)
    best = {index: _best(book, index) for index, cell in enumerate(source.cells) if is_answer(cell)}
    if not book.copies and not any(_own(book, index) for index in best):
        raise RefusedError("the notebook has no cell of this assignment")
    answers = {index: _answer(book, index, copy) for index, copy in best.items()}
    _look_at_locked(book)
    cells = _assemble(book, answers)
    metadata = NotebookNode(copy.deepcopy(dict(source.metadata)))
    return NotebookNode(nbformat=4, nbformat_minor=5, metadata=metadata, cells=cells), book.notes


def _best(book: Matched, index: int) -> Cell | None:
    """Of the copies of an answer cell the last of those that got furthest; the others will run before it."""
    cell, copies = book.source.cells[index], book.copies.get(index, [])
    best = max(reversed(copies), key=lambda copy: _progress(copy.source, cell), default=None)
    others = [c for c in copies if best and c.source != best.source]
    book.before[index] = [c for c in others if _progress(c.source, cell)]
    return best


def _answer(book: Matched, index: int, best: Cell | None) -> str:
    """The student's text for one answer: the best copy of its cell, or a cell of the student's own."""
    cell = book.source.cells[index]
    name = grade_id(cell)
    if best is None or not _progress(best.source, cell):
        if own := _own(book, index):
            state = "untouched" if best else "missing"
            book.notes.append(f"answer cell {name} is {state}; its answer is taken from cell {own.number}")
            return own.source
        if any(c.cell_type == "markdown" == cell.cell_type for c in book.extras.get(index, [])):
            book.notes.append(f"answer cell {name} is empty; a text of the student's own follows it")
    if best is None:
        book.notes.append(f"answer cell {name} is missing")
        return MISSING if cell.cell_type == "code" else TEXT_STUB[0]
    if len(book.copies[index]) > 1:
        book.notes.append(f"answer cell {name} was duplicated; its last filled-in copy counts")
    if best.cell_type != cell.cell_type:
        book.notes.append(
            f"answer cell {name} had become a {best.cell_type} cell and is {cell.cell_type} again"
        )
    return best.source


def _progress(answer: str, cell: NotebookNode) -> int:
    """How far an answer got: 0 untouched, 1 a stub is left in it, 2 filled in."""
    if is_untouched(answer, cell):
        return 0
    return 1 if stub_line(cell.cell_type) in answer else 2


def _own(book: Matched, index: int) -> Cell | None:
    """The student's last own cell with more than a stub for a function, class or variable of the answer."""
    cell = book.source.cells[index]
    if cell.cell_type != "code":
        return None
    wanted = defined_names(released(cell)) or defined_names(cell.source)
    found = (own for own, names in reversed(book.own) if not wanted.isdisjoint(names))
    return next((own for own in found if _progress(own.source, cell)), None)


def _look_at_locked(book: Matched) -> None:
    """Note what was done to the instructor's cells; none of it has any effect."""
    done: dict[str, list[str]] = {}
    for index, cell in enumerate(book.source.cells):
        copies, name = book.copies.get(index, []), grade_id(cell)
        if not name:
            continue
        if not is_answer(cell):
            if len(copies) != 1:
                done.setdefault("duplicated" if copies else "deleted", []).append(name)
            if any(collapse(copy.source) not in texts(cell.source) for copy in copies):
                done.setdefault("edited", []).append(name)
        meta = cell.metadata["nbgrader"]
        if any(meta.get(key) != value for copy in copies for key, value in copy.claims):
            done.setdefault("given other points or rights", []).append(name)
        if any(copy.skipped for copy in copies):
            done.setdefault("tagged to be skipped", []).append(name)
    book.notes += [f"cells {what}, now restored: {', '.join(names)}" for what, names in done.items()]
    if book.moved:
        book.notes.append("cells moved, now restored to their order")


def _assemble(book: Matched, answers: dict[int, str]) -> list[NotebookNode]:
    cells: list[NotebookNode] = []
    count = 0

    def add(extras: Iterable[Cell]) -> None:
        nonlocal count
        for cell in extras:
            count += 1
            if count <= MAX_EXTRA_CELLS:
                cells.append(_new_cell(cell.cell_type, f"extra-{count}", cell.source))

    add(book.extras.get(-1, []))
    for index, cell in enumerate(book.source.cells):
        add(book.before.get(index, []))
        text = answers.get(index, cell.source)
        cells.append(_new_cell(cell.cell_type, cell.get("id") or f"cell-{index}", text))
        if "nbgrader" in cell.metadata:
            cells[-1].metadata["nbgrader"] = NotebookNode(cell.metadata["nbgrader"])
        if "attachments" in cell:
            cells[-1]["attachments"] = copy.deepcopy(cell["attachments"])
        add(book.extras.get(index, []))
    if count > MAX_EXTRA_CELLS:
        book.notes.append(f"{count - MAX_EXTRA_CELLS} extra cells beyond {MAX_EXTRA_CELLS} were left out")
    return cells


def _new_cell(kind: str, cell_id: str, text: str) -> NotebookNode:
    cell = NotebookNode(cell_type=kind, id=cell_id, metadata=NotebookNode(), source=text)
    if kind == "code":
        cell.update(execution_count=None, outputs=[])
    return cell
