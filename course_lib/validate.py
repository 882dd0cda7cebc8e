"""Validate, as a student sees it: the public tests' own words, and which cell they are about.

nbgrader's Validate runs the notebook as it is and shows test cells only. So a syntax error turns up as
`NameError` in the tests below it, a deleted test counts as passed, a copied cell ends in a traceback, and
a warning fails a right answer. Here the notebook is put right first, as it is before grading: the answers
come from the student, everything else from the assignment as it was handed out.
"""

import re
import textwrap
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert.filters import ansi2html, strip_ansi
from nbformat import NotebookNode
from nbgrader.preprocessors import Execute
from nbgrader.utils import setenv
from nbgrader.validator import Validator
from traitlets import Integer

from course_lib.refusal import refused_uses

ASSIGNMENTS = Path(__file__).resolve().parents[1] / "assignments"
STUBS = {"code": "raise NotImplementedError()", "markdown": "YOUR ANSWER HERE"}
WIDTH = 80
MISSING = "This answer cell is missing from your notebook. `python start.py --fresh {}` makes a new one."

_plain_validate = Validator.validate


def use() -> None:
    """Let `nbgrader validate` and JupyterLab's Validate button show what this file finds.

    nbgrader has no setting for it, so its method is replaced, in this process alone.
    """
    Validator.validate = validate


def validate(validator: Validator, filename: str) -> dict[str, list[dict[str, str]]]:
    """What is wrong with a student's notebook, in the form that nbgrader's programs print.

    A notebook that is no assignment of this course goes to nbgrader's own method.
    """
    path = Path(filename).resolve()
    original = ASSIGNMENTS / path.stem / path.name
    if not original.is_file():
        return _plain_validate(validator, filename)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old formats and copied cells, which are put right below
            submitted = nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises what its parts raise
        found = [(path.name, _unreadable(path, error))]
    else:
        notebook = put_right(nbformat.read(original, as_version=4), submitted)
        with setenv(NBGRADER_VALIDATING="1", NBGRADER_EXECUTION="validate"):
            resources = {"metadata": {"path": str(path.parent)}}
            notebook, _ = RunAll(parent=validator).preprocess(notebook, resources)
        found = [*refusals(notebook), *findings(notebook, path.stem)]
    wrapped = [(source, _wrap(words)) for source, words in found]
    return {"failed": [_as_nbgrader_does(*pair) for pair in wrapped]} if wrapped else {}


def put_right(original: NotebookNode, submitted: NotebookNode) -> NotebookNode:
    """The handed-out notebook with the student's answers and own cells in it.

    Of an answer cell that is there twice, the last filled-in copy counts. A missing one stays empty.
    """
    known = {_name(cell): cell for cell in original.cells if _name(cell)}
    fixed_ids = {cell.get("id") for cell in original.cells} | {cell.source for cell in original.cells}
    copies: dict[str, list[NotebookNode]] = {name: [] for name in known}
    own: dict[str, list[NotebookNode]] = {}
    above = ""
    for cell in submitted.cells:
        if (name := _name(cell)) in known:
            above = name
            copies[name].append(cell)
        elif cell.cell_type == "code" and not {cell.get("id"), cell.source} & fixed_ids:
            own.setdefault(above, []).append(nbformat.v4.new_code_cell(cell.source))
    cells = own.get("", [])
    for cell in original.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            _answer(cell, copies[_name(cell)])
        cells += [cell, *own.get(_name(cell), [])] if _name(cell) else [cell]
    return NotebookNode(original, cells=cells)


def _answer(cell: NotebookNode, copies: list[NotebookNode]) -> None:
    """Put the student's text into an answer cell."""
    filled = [copy.source for copy in copies if STUBS[cell.cell_type] not in copy.source]
    if copies:
        cell.source = filled[-1] if filled else copies[-1].source
    else:
        cell.metadata["missing"] = True


class RunAll(Execute):
    """nbgrader's Execute with a limit for the whole notebook, and words where a cell does not come back."""

    budget = Integer(60, help="seconds for the whole notebook").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        self._until, self._stopped = time.monotonic() + self.budget, ""
        return super().preprocess(nb, resources, km)

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        if time.monotonic() > self._until and not self._stopped:
            self._stopped = f"the notebook took longer than {self.budget} seconds"
        if cell.cell_type == "code" and self._stopped:
            _add_error(cell, "NotRun", f"Not run: {self._stopped}.")
            return cell, resources
        try:
            return super().preprocess_cell(cell, resources, index)
        except CellTimeoutError:
            self._stopped = "an earlier cell did not end"
        except DeadKernelError:
            self._stopped = "an earlier cell ended Python"
        _add_error(cell, "Stopped", "This cell did not end, or ended Python; nothing below it was run.")
        return cell, resources


def _add_error(cell: NotebookNode, name: str, words: str) -> None:
    cell.outputs.append(nbformat.v4.new_output("error", ename=name, evalue=words, traceback=[]))


def findings(notebook: NotebookNode, assignment: str) -> Iterator[tuple[str, str]]:
    """A cell, by its place and source, and what to say about it; for each cell that needs another look.

    After a cell that did not come back, the cells that were not run are passed over in silence.
    """
    heading, broken, stopped, before_answers = "", False, False, True
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (title := re.search(r"^#+ +(.+)$", cell.source, re.MULTILINE)):
            heading = title[1]
        meta = cell.metadata.get("nbgrader", {})
        answer, test = bool(meta.get("solution")), bool(meta.get("grade"))
        before_answers = before_answers and not answer
        words = _words(cell, broken, assignment) if answer or test or (meta and before_answers) else ""
        if words and not (stopped and _error(cell).get("ename") == "NotRun"):
            what = "Your answer" if answer else "Test" if test else "A cell of the assignment"
            yield f'{what} under "{heading}":\n\n{cell.source.strip()}', words
            broken = broken or (answer and cell.cell_type == "code")
            stopped = stopped or _error(cell).get("ename") in ("Stopped", "NotRun")


def refusals(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """The answers that reach a library function which the assignment asks the student to write."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    answers = {_name(cell): cell for cell in code if cell.metadata.get("nbgrader", {}).get("solution")}
    theirs = [cell.source for cell in code if "nbgrader" not in cell.metadata or _name(cell) in answers]
    for name, used in refused_uses(theirs, notebook.metadata.get("course", {}).get("refused", [])).items():
        for cell in answers.values():
            if re.search(rf"^(?:def|class) {name}\b|^{name} *=", cell.source, re.MULTILINE):
                words = f"{name} uses {used}, which is refused: tests that call {name} will not pass."
                yield f"Your answer:\n\n{cell.source.strip()}", words


def _error(cell: NotebookNode) -> NotebookNode:
    """A cell's error, empty if it has none."""
    errors = (output for output in cell.get("outputs", []) if output.output_type == "error")
    return next(errors, NotebookNode())


def _words(cell: NotebookNode, broken: bool, assignment: str) -> str:
    """What to say about one cell that was run; "" if it is as it should be."""
    if cell.metadata.get("missing"):
        return MISSING.format(assignment)
    if cell.cell_type != "code":
        return "Not answered yet. A person reads this one." if STUBS["markdown"] in cell.source else ""
    if not (error := _error(cell)):
        return ""
    trace = strip_ansi("\n".join(error.traceback)).strip()
    if error.ename in ("SyntaxError", "IndentationError", "TabError"):
        return "Python cannot read this cell, so nothing in it exists for the tests.\n\n" + trace
    if error.ename == "NotImplementedError" and not error.evalue:
        return "Not written yet: the answer still has the line `raise NotImplementedError()`."
    if error.ename == "NameError" and broken:
        return f"{error.evalue}. An answer further up did not run to its end; see there first."
    if error.ename in ("CellTimeoutError", "KeyboardInterrupt"):
        return "This cell takes too long. Does a loop never end, or run over single elements?"
    if (error.ename == "AssertionError" and error.evalue) or not trace:
        return str(error.evalue)
    return trace


def _unreadable(path: Path, error: Exception) -> str:
    """About a file that is no notebook, and where it breaks if that is known."""
    first = (str(error).splitlines() or [""])[0][:200]
    return (
        f"{path.name} is not a notebook that can be opened ({first}). It may have been saved half, or edited "
        "as text, or merged. JupyterLab keeps an older copy beside it in the folder .ipynb_checkpoints; "
        f"`python start.py --fresh {path.stem}` makes an empty one."
    )


def _name(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id") or ""


def _wrap(words: str) -> str:
    """Long lines broken, as neither program does it; code keeps its indentation."""
    lines = [textwrap.wrap(line, WIDTH) or [""] for line in words.split("\n")]
    return "\n".join(part for parts in lines for part in parts)


def _as_nbgrader_does(source: str, words: str) -> dict[str, str]:
    return {"source": source, "error": ansi2html(words), "raw_error": words}
