"""Which of a submission's cells are copies of the instructor's, and which are the student's own.

A cell is known by nbgrader's id; if that was lost, by the notebook's cell id; if that was lost too, by its
text. Only the first two can make it an answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from nbformat import NotebookNode

from course_lib.grading.regions import collapse, without_hidden
from course_lib.grading.stubs import defined_names
from course_lib.grading.submission import Cell, Submission


@dataclass
class Matched:
    """A submission's cells by the instructor's cell (its index) that each is a copy of, or follows."""

    source: NotebookNode
    notes: list[str]
    copies: dict[int, list[Cell]] = field(default_factory=dict)
    extras: dict[int, list[Cell]] = field(default_factory=dict)  # after this cell; -1 before all
    before: dict[int, list[Cell]] = field(default_factory=dict)  # other copies of an answer, run before it
    moved: bool = False

    @cached_property
    def own(self) -> list[tuple[Cell, set[str]]]:
        """The student's own code cells in the order in which they will run, with the names that each defines.

        A cell with a `%%` magic defines none. To be read when `before` is complete.
        """
        places = range(-1, len(self.source.cells))
        cells = [c for i in places for c in (*self.before.get(i, ()), *self.extras.get(i, ()))]
        code = [c for c in cells if c.cell_type == "code"]
        return [(c, set() if c.source.startswith("%%") else defined_names(c.source)) for c in code]


def match(source: NotebookNode, submitted: Submission) -> Matched:
    """Find the instructor's cells in a submission; what is none of them is the student's own."""
    book = Matched(source, list(submitted.notes))
    find = _finder(source)
    anchor = furthest = -1
    for cell in submitted.cells:
        index, certain = find(cell)
        if index is None:
            _keep(book, anchor, cell)
            continue
        book.moved |= certain and index < furthest and index not in book.copies
        furthest = max(furthest, index) if certain else furthest
        anchor = index if certain else max(anchor, index)
        if certain or index not in book.copies:
            book.copies.setdefault(index, []).append(cell)
        theirs = source.cells[index]
        if not grade_id(theirs) and collapse(cell.source) not in texts(theirs.source):
            _keep(book, index, cell)  # a text of the instructor's, in which the student wrote
    return book


def _keep(book: Matched, anchor: int, cell: Cell) -> None:
    """Keep a cell of the student's own, if there is anything in it."""
    if cell.source.strip() and cell.cell_type != "raw":
        book.extras.setdefault(anchor, []).append(cell)


def _finder(source: NotebookNode) -> Callable[[Cell], tuple[int | None, bool]]:
    """Which of the instructor's cells a submitted one is, and whether that is more than equal text."""
    by_name = {grade_id(cell): index for index, cell in enumerate(source.cells) if grade_id(cell)}
    by_id = {cell["id"]: index for index, cell in enumerate(source.cells) if cell.get("id")}
    by_text = {
        text: index
        for index, cell in enumerate(source.cells)
        if not is_answer(cell)
        for text in texts(cell.source)
    }

    def find(cell: Cell) -> tuple[int | None, bool]:
        index = by_name.get(cell.grade_id, by_id.get(cell.id))
        return (by_text.get(collapse(cell.source)), False) if index is None else (index, True)

    return find


@lru_cache(maxsize=1000)
def texts(locked: str) -> frozenset[str]:
    """A locked cell as the instructor and as the students have it, white space collapsed."""
    return frozenset({collapse(locked), collapse(without_hidden(locked))} - {""})


def grade_id(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id") or ""


def is_answer(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))
