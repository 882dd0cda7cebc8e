"""A student's feedback page: one HTML file that needs no network and runs nothing.

At the top the points, a table of what was asked and what a failed test says, and one's own score by part;
below, the notebook with the comments. `render` makes the page from an autograded notebook and its grades;
`FeedbackExporter` lets nbgrader's own `generate_feedback` make the same page.
"""

import hashlib
from base64 import b64encode
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from traitlets import default

from course_lib.grading.grades import Grades, bars, grades_of, items, said, title
from course_lib.grading.hide import hide_tests, is_students, is_test
from course_lib.grading.markup import code_html, markdown, outputs_html

UNTOUCHED = "No response."  # nbgrader's comment on an answer that is as it was handed out
LONG_CODE = 15  # the instructor's code of more lines is folded away


def render(nb: NotebookNode, grades: Grades, assignment: str) -> str:
    """The page.

    Args:
        nb: the autograded notebook, hidden tests included; it is not changed.
        grades: its grades.
        assignment: a title for a notebook without a heading.
    """
    shown = hide_tests(nb)
    rows = items(shown, grades)
    points = max(0.0, sum(item.points for item in rows) - grades.late_penalty)
    page = _template().render(
        title=title(shown, assignment),
        items=rows,
        bars=bars(rows),
        cells=[_cell(cell, index, grades) for index, cell in enumerate(shown.cells)],
        points=points,
        out_of=sum(item.out_of for item in rows),
        waiting=sum(item.waiting for item in rows),
        late_penalty=grades.late_penalty,
        style=_style(),
        style_hash=_style_hash(),
    )
    return page.encode("utf-8", "replace").decode("utf-8")


class FeedbackExporter(Exporter):
    """`c.GenerateFeedback.exporter_class`: this page instead of nbgrader's template."""

    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[Any, dict[str, Any]]:
        """The page of the submission that nbgrader is converting."""
        from nbgrader.api import Gradebook

        nb, resources = super().from_notebook_node(nb, resources, **kw)
        if "nbgrader" not in resources:
            raise ValueError("FeedbackExporter works inside `nbgrader generate_feedback` only")
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            keys = names["notebook"], names["assignment"], names["student"]
            grades = grades_of(gradebook.find_submission_notebook(*keys))
        return render(nb, grades, names["assignment"]), resources


def _cell(cell: NotebookNode, index: int, grades: Grades) -> dict[str, Any]:
    """What the template shows of one cell."""
    theirs, name = is_students(cell), cell.metadata.get("nbgrader", {}).get("grade_id", "")
    code = cell.cell_type == "code"
    make = code_html if code else markdown
    comment = grades.comments.get(name, "")
    return {
        "anchor": f"cell-{index}",
        "kind": _kind(cell),
        "is_code": code,
        "folded": code and not theirs and not is_test(cell) and cell.source.count("\n") >= LONG_CODE,
        "lines": cell.source.count("\n") + 1,
        "body": make(cell.source, trusted=not theirs) if cell.source.strip() else "",
        "outputs": [] if is_test(cell) or not code else outputs_html(cell.outputs),
        "said": said(cell),
        "graded": name in grades.out_of,
        "points": grades.points.get(name, 0.0),
        "out_of": grades.out_of.get(name, 0.0),
        "waiting": name in grades.waiting,
        "comment": "" if comment in ("", UNTOUCHED) else markdown(comment, trusted=True),
        "untouched": comment == UNTOUCHED,
    }


def _kind(cell: NotebookNode) -> str:
    if is_test(cell):
        return "test"
    if cell.metadata.get("nbgrader", {}).get("solution"):
        return "answer"
    return "own" if is_students(cell) else "text" if cell.cell_type != "code" else "given"


def _number(value: float) -> str:
    """Points without trailing zeros."""
    return f"{round(value, 2) + 0.0:.10g}"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    here = FileSystemLoader(Path(__file__).parent)
    made = Environment(
        loader=here, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["points"] = _number
    return made


@lru_cache(maxsize=1)
def _template() -> Template:
    return _environment().get_template("feedback.html.j2")


@lru_cache(maxsize=1)
def _style() -> Markup:
    """The page's only style sheet; its hash stands in the page's security policy."""
    return Markup(_environment().get_template("feedback.css.j2").render())


@lru_cache(maxsize=1)
def _style_hash() -> str:
    return b64encode(hashlib.sha256(_style().encode()).digest()).decode()
