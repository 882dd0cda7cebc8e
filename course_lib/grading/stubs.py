"""What students were handed: the text that stands in the release where the instructor's solution stands."""

import re
from functools import lru_cache

from nbformat import NotebookNode

from course_lib.grading.regions import SOLUTION, collapse, lines

CODE_STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")
TEXT_STUB = ("YOUR ANSWER HERE",)
# Possessive quantifiers: a line without end costs no more than its length.
_DEFINES = re.compile(
    r"^(?:(?:async[ \t]++)?+def[ \t]++|class[ \t]++)(\w++)|^(\w++)[ \t]*+(?::[^=\n]++)?+=(?!=)",
    re.MULTILINE,
)


def released(cell: NotebookNode) -> str:
    """A solution cell of the instructor's notebook as students got it, with stubs for the solutions."""
    return _released(cell.source, cell.cell_type)


@lru_cache(maxsize=1000)
def _released(source: str, cell_type: str) -> str:
    stub = CODE_STUB if cell_type == "code" else TEXT_STUB
    kept: list[str] = []
    inside, replaced = False, False
    for line in lines(source):
        if line.is_delimiter and line.kind == SOLUTION:
            inside = not inside
            if inside:
                indent = line.text[: len(line.text) - len(line.text.lstrip())]
                kept += [indent + text for text in stub]
                replaced = True
        elif not inside:
            kept.append(line.text)
    return "\n".join(kept if replaced else stub)


def stub_line(cell_type: str) -> str:
    """The line whose presence says that an answer is not finished."""
    return CODE_STUB[-1] if cell_type == "code" else TEXT_STUB[-1]


def is_untouched(answer: str, cell: NotebookNode) -> bool:
    """Whether an answer is empty or the stub, as far as white space does not count."""
    return collapse(answer) in ("", collapse(released(cell)))


def defined_names(code: str) -> set[str]:
    """The functions, classes and variables that a cell defines at its top level.

    Read line by line, so that code with syntax errors or magics is no problem.
    """
    return {first or second for first, second in _DEFINES.findall(code)}
