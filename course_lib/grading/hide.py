"""Feedback without the hidden tests: neither their source nor their tracebacks nor what they print.

A failed hidden test says only that it failed, and the hint its author wrote for it: an assert message
that is a plain string beginning with "Hint: ". Code that carries tests out in disguise is not stopped
here; only tests that never enter the student's process can stop that.
"""

import ast
import re

from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_lib.grading.regions import HIDDEN, collapse, find_secrets, lines, without_hidden

FAILED = (
    "A hidden test of this cell failed. It asks the same of your code\n"
    "as the text above does, with other inputs."
)
WITHHELD = "[left out: this output repeats hidden tests]"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def hide_tests(nb: NotebookNode) -> NotebookNode:
    """The autograded notebook as its student may see it; `nb` is changed in place and returned."""
    secrets: set[str] = set()
    for cell in nb.cells:
        if _is_test(cell):
            hidden = {collapse(line.text) for line in lines(cell.source) if line.kind == HIDDEN}
            secrets |= {text for text in hidden if len(text) >= 12}
    for cell in nb.cells:
        if _is_test(cell) and any(line.kind == HIDDEN for line in lines(cell.source)):
            _hide(cell)
        elif cell.cell_type == "code":
            cell.outputs = [_scrub(output, secrets) for output in cell.outputs]
    return nb


def _is_test(cell: NotebookNode) -> bool:
    meta = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and bool(meta.get("grade")) and not meta.get("solution")


def _hide(cell: NotebookNode) -> None:
    """Replace a test cell by its public part and what may be said about the result."""
    errors = [output for output in cell.outputs if output.output_type == "error"]
    full, cell.source = cell.source, without_hidden(cell.source)
    cell.outputs = []
    if not errors:
        return
    error = errors[0]
    number = _failing_line(error, cell.execution_count)
    parts = list(lines(full))
    if number is not None and 0 < number <= len(parts) and parts[number - 1].kind is None:
        frames = [part for part in error.traceback if _is_students_frame(part, cell.execution_count)]
        text = [*frames, f"{error.ename}: {error.evalue}"]
    else:
        hint = next((hint for hint in hints(full) if error.evalue.startswith(hint)), "")
        text = [f"{FAILED}\n{hint}".strip()]
    cell.outputs = [new_output("error", ename=error.ename, evalue="", traceback=text)]


def hints(source: str) -> list[str]:
    """The assert messages in a cell that are plain strings beginning with "Hint: "."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    messages = [node.msg for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    texts = [m.value for m in messages if isinstance(m, ast.Constant) and isinstance(m.value, str)]
    return [text for text in texts if text.startswith("Hint: ")]


def _failing_line(error: NotebookNode, execution_count: int | None) -> int | None:
    """The line of the test cell that raised, as IPython's traceback tells; None if it does not."""
    for part in error.traceback:
        if found := re.search(rf"Cell In ?\[{execution_count}\], line (\d+)", _ANSI.sub("", part)):
            return int(found[1])
    return None


def _is_students_frame(part: str, execution_count: int | None) -> bool:
    found = re.match(r"\s*Cell In ?\[(\d+)\], line", _ANSI.sub("", part))
    return found is not None and int(found[1]) != execution_count


def _scrub(output: NotebookNode, secrets: set[str]) -> NotebookNode:
    """The output, or a note in its place if it shows a line of a hidden test."""
    if find_secrets(_ANSI.sub("", str(dict(output))), secrets):
        return new_output("stream", name="stdout", text=WITHHELD)
    return output
