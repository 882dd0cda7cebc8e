"""What a student's feedback page says about points: the items in words, and the parts they belong to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from course_lib.grading.clean import clean_text
from course_lib.grading.hide import is_students, is_test
from course_lib.grading.markup import cut

SILENT = "This test did not pass. It asks the same of your code as the text of this part does."
_POINTS = re.compile(r"\s*\(\d+(?:\.\d+)? points?\)")
_BARE = re.compile(r"(public|hidden) tests?", re.IGNORECASE)
_SUBJECT = re.compile(r"^(test|hidden|public)[_-]+")


@dataclass(frozen=True)
class Grades:
    """What the gradebook says about one notebook; every mapping is by `grade_id`."""

    points: Mapping[str, float]
    out_of: Mapping[str, float]
    waiting: frozenset[str] = frozenset()
    comments: Mapping[str, str] = field(default_factory=dict)
    late_penalty: float = 0.0


@dataclass(frozen=True)
class Item:
    """A row of the table: something that earns points."""

    name: str
    part: str
    anchor: str
    points: float
    out_of: float
    waiting: bool
    said: str


@dataclass(frozen=True)
class Bar:
    """A part's points in the plot."""

    name: str
    points: float
    waiting: float
    out_of: float

    @property
    def share(self) -> float:
        """Percent earned, from 0 to 100."""
        return min(100.0, max(0.0, 100 * self.points / self.out_of)) if self.out_of else 0.0

    @property
    def open_share(self) -> float:
        """Percent that a person has yet to give."""
        return min(100.0 - self.share, 100 * self.waiting / self.out_of) if self.out_of else 0.0


def grades_of(notebook: Any) -> Grades:
    """The grades of a `SubmittedNotebook` of nbgrader's gradebook; its session must be open."""
    return Grades(
        points={grade.name: float(grade.score or 0) for grade in notebook.grades},
        out_of={grade.name: float(grade.max_score or 0) for grade in notebook.grades},
        waiting=frozenset(grade.name for grade in notebook.grades if grade.needs_manual_grade),
        comments={comment.name: comment.comment for comment in notebook.comments if comment.comment},
        late_penalty=float(notebook.late_submission_penalty or 0),
    )


def items(nb: NotebookNode, grades: Grades) -> list[Item]:
    """Everything in a notebook that earns points, in its order, by the heading above it."""
    found, part = [], ""
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "markdown" and not is_students(cell):
            part = _heading(cell.source) or part
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name not in grades.out_of:
            continue
        item = Item(
            name=_name(cell),
            part=part,
            anchor=f"cell-{index}",
            points=grades.points.get(name, 0.0),
            out_of=grades.out_of[name],
            waiting=name in grades.waiting,
            said=said(cell),
        )
        found.append(item)
    return found


def said(cell: NotebookNode) -> str:
    """What a failed test tells its student; nothing for one that passed."""
    if not is_test(cell) or not cell.outputs:
        return ""
    return cut(clean_text(cell.outputs[0].evalue), 3_000, 40).strip() or SILENT


def _name(cell: NotebookNode) -> str:
    """An item in words: a test's first comment (and its subject, if it names none), else its id."""
    first, name = cell.source.lstrip().split("\n", 1)[0], str(cell.metadata.nbgrader.grade_id)
    if is_test(cell) and first.startswith("#"):
        words = _POINTS.sub("", first.lstrip("# ")).strip(" .:")[:120]
        return f"{words}: {_SUBJECT.sub('', name)}" if _BARE.fullmatch(words) else words
    words = re.sub(r"[_-]+", " ", name).strip()
    return words[:1].upper() + words[1:]


def _heading(source: str) -> str:
    """The last heading of the second level in a text, without its points."""
    found = re.findall(r"^##[ \t]+(.+?)[ \t#]*$", source, re.MULTILINE)
    return _plain_heading(found[-1]) if found else ""


def title(nb: NotebookNode, assignment: str) -> str:
    """The notebook's first heading, or the assignment's name."""
    for cell in nb.cells:
        if cell.cell_type == "markdown" and not is_students(cell):
            found = re.search(r"^#[ \t]+(.+?)[ \t#]*$", cell.source, re.MULTILINE)
            if found:
                return _plain_heading(found[1])
    return assignment


def _plain_heading(text: str) -> str:
    """A heading without points, emphasis and code marks."""
    return re.sub(r"[*`]|\$", "", _POINTS.sub("", text)).strip()[:90]


def bars(items: list[Item]) -> list[Bar]:
    """The points of each part."""
    parts = list(dict.fromkeys(item.part for item in items))
    return [_bar(part, [item for item in items if item.part == part]) for part in parts]


def _bar(part: str, items: list[Item]) -> Bar:
    name = part or "This notebook"
    return Bar(
        name=name if len(name) <= 36 else name[:35].rstrip() + "…",
        points=sum(item.points for item in items),
        waiting=sum(max(0.0, item.out_of - item.points) for item in items if item.waiting),
        out_of=sum(item.out_of for item in items),
    )
