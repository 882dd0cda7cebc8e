"""The delimiters of an assignment's source: `### BEGIN SOLUTION` and its like.

nbgrader cuts what lies between two delimiters and ships everything else, so one typo hands the hidden
tests to the students. This file finds typos before a release, and tells which lines are secret.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

SOLUTION, HIDDEN, MARKS = "SOLUTION", "HIDDEN TESTS", "MARK SCHEME"
DELIMITERS = {
    f"### {edge} {kind}": (edge, kind) for edge in ("BEGIN", "END") for kind in (SOLUTION, HIDDEN, MARKS)
}
_BARE = [delimiter.removeprefix("### ") for delimiter in DELIMITERS]
_NEAR = 0.78  # a line this similar to a delimiter, but not equal to one, is taken for a typo
_TELLING = 12  # a shorter line ("return y") says nothing when it turns up elsewhere


@dataclass(frozen=True)
class Line:
    """A line of a cell, the kind of region around it (or None), and whether it is a delimiter itself."""

    text: str
    kind: str | None
    is_delimiter: bool


def lines(source: str) -> Iterator[Line]:
    """The lines of a cell's source with the region that each belongs to."""
    kind: str | None = None
    for text in source.split("\n"):
        edge = DELIMITERS.get(text.strip())
        if edge is None:
            yield Line(text, kind, False)
            continue
        yield Line(text, edge[1], True)
        kind = edge[1] if edge[0] == "BEGIN" else None


def without_hidden(source: str) -> str:
    """A cell's source as students see it: without the hidden tests."""
    return "\n".join(line.text for line in lines(source) if line.kind != HIDDEN)


def delimiter_problems(source: str, where: str) -> list[str]:
    """What is wrong with the delimiters of one cell: typos, nesting, a missing end; empty if all is well."""
    problems, opened = [], None
    for number, text in enumerate(source.split("\n"), start=1):
        place = f"{where}, line {number}"
        edge = DELIMITERS.get(text.strip())
        if edge is None:
            if wanted := _meant(text):
                problems.append(
                    f"{place}: {text.strip()!r} looks like a delimiter; write exactly '### {wanted}'"
                )
        elif edge[0] == "BEGIN":
            if opened:
                problems.append(f"{place}: {text.strip()!r} inside the region of {opened}")
            opened = edge[1]
        elif opened != edge[1]:
            problems.append(f"{place}: {text.strip()!r} without its beginning")
            opened = None
        else:
            opened = None
    if opened:
        problems.append(f"{where}: '### BEGIN {opened}' is never ended")
    return problems


def secret_lines(source: NotebookNode) -> set[str]:
    """The telling lines of the instructor's notebook that must not reach a student, white space collapsed.

    Everything between delimiters, and every answer that is replaced as a whole; imports are no secret.
    """
    secret: set[str] = set()
    for cell in source.cells:
        parts = list(lines(cell.source))
        answer = cell.metadata.get("nbgrader", {}).get("solution")
        whole = answer and not any(line.kind == SOLUTION for line in parts)
        secret |= {collapse(x.text) for x in parts if not x.is_delimiter and (whole or x.kind is not None)}
    return {text for text in secret if len(text) >= _TELLING and not text.startswith(("import ", "from "))}


def find_secrets(text: str, secrets: set[str]) -> list[str]:
    """The secret lines that occur in a text, however it is indented, also inside JSON strings."""
    plain = collapse(text.replace("\\n", "\n").replace('\\"', '"'))
    return sorted(secret for secret in secrets if secret in plain)


def collapse(text: str) -> str:
    """The text with each run of white space as one blank, none at the ends."""
    return " ".join(text.split())


def _meant(text: str) -> str | None:
    """The delimiter that a line probably means, although it is none; None for ordinary lines."""
    for bare in _BARE:
        if bare in text:
            return bare  # nbgrader would take it for one, wherever it stands in the line
    words = re.sub(r"[^A-Z ]", " ", text.upper()).split()
    if not 1 < len(words) <= 4:
        return None
    orders = (" ".join(words), " ".join(words[-1:] + words[:-1]))
    scores = [
        (difflib.SequenceMatcher(None, order, bare).ratio(), bare) for order in orders for bare in _BARE
    ]
    score, best = max(scores)
    return best if score >= _NEAR else None
