"""Feedback without the hidden tests: neither their source nor a test's traceback nor what repeats them.

The error of a failed test says in its `evalue` what its student may read; its traceback is the
instructor's. So hiding is leaving out, and a last look for hidden lines that turn up elsewhere.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_lib.grading.regions import HIDDEN, MARKS, collapse, find_secrets, lines

WITHHELD = "[left out: this output repeats hidden tests]"
_TELLING = 12  # a shorter line says nothing when it turns up elsewhere
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def hide_tests(nb: NotebookNode) -> NotebookNode:
    """The autograded notebook as its student may see it: a new notebook, `nb` stays as it is."""
    secrets = hidden_lines(nb)
    return NotebookNode(nb, cells=[_shown(cell, secrets) for cell in nb.cells])


def is_test(cell: NotebookNode) -> bool:
    """Whether a cell is graded by machine."""
    meta = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and bool(meta.get("grade")) and not meta.get("solution")


def is_students(cell: NotebookNode) -> bool:
    """Whether a cell's text is the student's: an answer, or a cell of their own."""
    meta = cell.metadata.get("nbgrader", {})
    return bool(meta.get("solution")) or str(cell.get("id", "")).startswith("extra-")


def hidden_lines(nb: NotebookNode) -> set[str]:
    """The telling lines of the hidden tests that stand nowhere in the open; white space collapsed."""
    hidden: set[str] = set()
    shown: set[str] = set()
    for cell in nb.cells:
        if not is_students(cell):
            _, secret, public = _parts(cell.source)
            hidden |= secret
            shown |= public
    return {text for text in hidden - shown if len(text) >= _TELLING}


@lru_cache(maxsize=1024)  # the instructor's cells are the same in every submission
def _parts(source: str) -> tuple[str, frozenset[str], frozenset[str]]:
    """A cell of the instructor's as students see it, its hidden lines, and its public ones."""
    parts = [line for line in lines(source) if not line.is_delimiter]
    hidden = frozenset(collapse(line.text) for line in parts if line.kind == HIDDEN)
    public = frozenset(collapse(line.text) for line in parts if line.kind != HIDDEN)
    kept = [line.text for line in lines(source) if line.kind not in (HIDDEN, MARKS)]
    return "\n".join(kept), hidden, public


def _shown(cell: NotebookNode, secrets: set[str]) -> NotebookNode:
    cell = NotebookNode(cell)
    if not is_students(cell):
        cell["source"] = _parts(cell.source)[0]
    if is_test(cell):
        cell["outputs"] = list(_said(cell.outputs, secrets))
    elif cell.cell_type == "code":
        cell["outputs"] = [_scrub(output, secrets) for output in cell.outputs]
    return cell


def _said(outputs: list[NotebookNode], secrets: set[str]) -> Iterator[NotebookNode]:
    """The first error of a test cell, in the words meant for the student."""
    for output in outputs:
        if output.output_type == "error":
            words = _ANSI.sub("", output.evalue)
            words = WITHHELD if find_secrets(words, secrets) else words
            yield new_output("error", ename=output.ename, evalue=words, traceback=[])
            return


def _scrub(output: NotebookNode, secrets: set[str]) -> NotebookNode:
    """The output, or a note in its place if it shows a line of a hidden test."""
    if find_secrets(_ANSI.sub("", _text(output)), secrets):
        return new_output("stream", name="stdout", text=WITHHELD)
    return output


def _text(output: NotebookNode) -> str:
    """Everything in an output that can be read; pictures cannot."""
    data = {kind: text for kind, text in output.get("data", {}).items() if not kind.startswith("image/p")}
    rest = {name: value for name, value in output.items() if name != "data"}
    return f"{rest} {data}"
