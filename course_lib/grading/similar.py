"""Find near copies between submissions, for the instructor to look at; nobody loses points for one.

Answers are compared as streams of tokens: comments, docstrings, white space and the names that a student
chose do not count. Which runs of tokens two students share is weighed by how few others have them, as in
Schleimer, Wilkerson and Aiken 2003, "Winnowing: local algorithms for document fingerprinting", section 5
(without the winnowing: a class is small enough to keep every run). So an answer that everybody writes
alike says nothing. Pairs that share enough are then aligned with RapidFuzz, function by function.
"""

import builtins
import keyword
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from nbformat import NotebookNode

from course_lib.grading.matching import grade_id, is_answer
from course_lib.grading.stubs import defined_names, is_untouched, released
from course_lib.grading.submission_file import printable

RUN = {"code": 10, "markdown": 6}  # tokens, or words, in one run
MIN_SHARED = 25.0  # runs that two students must share, each weighed between 0 (common) and 1 (theirs alone)
MIN_SHARE = 0.4  # of the runs of the one who has fewer
MIN_SIMILARITY = 0.8
EXTRA_STUDENTS = 10  # imagined ones who wrote nothing of it, so that a class of three can be compared
MAX_TOKENS, MAX_PAIRS = 20_000, 20_000
_WORD = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]|\w+")
_UNIT = re.compile(r"^(?=def |class |async def |@)", re.MULTILINE)
_IMPORTED = re.compile(r"^[ \t]*(?:from .*)?import (.*)$", re.MULTILINE)
# A string without end goes on to the end of its line or text, so that each character is read once.
_TOKEN = re.compile(
    r"""
    (?P<skip> \#[^\n]*+ | \s++ | \\\n
              | [rRbBfFuU]{0,2}(?:'''(?:\\.|[^\\])*?(?:'''|\Z) | \"{3}(?:\\.|[^\\])*?(?:\"{3}|\Z)) )
    | (?P<string> [rRbBfFuU]{0,2}(?:'(?:\\.|[^'\\\n])*+'?+|"(?:\\.|[^"\\\n])*+"?+) )
    | (?P<member> \.[ ]?[^\W\d]\w*+ )
    | (?P<name> [^\W\d]\w*+ )
    | (?P<number> \.?\d[\w.]*+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_KEPT = frozenset(keyword.kwlist) | frozenset(dir(builtins))


@dataclass(frozen=True)
class Pair:
    """Two students whose answers are nearly the same.

    `similarity` is the share of equal tokens in order, from 0 to 1; `shared` counts the runs of tokens
    that both have and few others; `answers` are the cells that are most alike.
    """

    students: tuple[str, str]
    similarity: float
    shared: float
    answers: tuple[str, ...]


def near_copies(source: NotebookNode, submissions: Mapping[str, NotebookNode]) -> list[Pair]:
    """The pairs of submissions that are nearly the same, those who share most first.

    Args:
        source: the instructor's notebook; what it gives to everybody does not count.
        submissions: student -> notebook, as `ingest.rebuild` returns it.
    """
    reader = _Reader(source)
    students = sorted(submissions)
    read = [reader.answers(submissions[student]) for student in students]
    given = _runs(reader.given())
    pairs = []
    runs = [np.setdiff1d(_runs(answers), given, assume_unique=True) for answers in read]
    for left, right, shared in _candidates(runs):
        similarity = _similarity(_units(read[left].values()), _units(read[right].values()))
        if similarity >= MIN_SIMILARITY:
            alike = tuple(name for name in read[left] if _alike(name, read[left], read[right]))
            pairs.append(Pair((students[left], students[right]), similarity, shared, alike))
    return sorted(pairs, key=lambda pair: (-pair.shared, pair.students))


def groups(pairs: Iterable[Pair]) -> list[list[str]]:
    """The students of the pairs, joined to groups in which each is near to some other one."""
    member: dict[str, set[str]] = {}
    for pair in pairs:
        joined = set().union(*(member.get(student, {student}) for student in pair.students))
        member.update(dict.fromkeys(joined, joined))
    return sorted(
        (sorted(group) for group in {id(g): g for g in member.values()}.values()), key=lambda g: g[0]
    )


def report(pairs: Sequence[Pair]) -> str:
    """The pairs as lines of text; empty if there are none."""
    if not pairs:
        return ""
    lines = ["nearly the same answers: look at these yourself, no points were taken off for them"]
    for pair in pairs:
        names = " and ".join(printable(student) for student in pair.students)
        lines.append(f"  {names}: {pair.similarity:.0%} alike, most of all {', '.join(pair.answers)}")
    return "\n".join(lines)


@dataclass(frozen=True)
class _Stream:
    """An answer: the tokens of each of its functions, one character a token, and the length of a run."""

    units: tuple[str, ...]
    run: int


class _Reader:
    """Turns answers into tokens; a token is the same character in every submission."""

    def __init__(self, source: NotebookNode) -> None:
        self.cells = {grade_id(cell): cell for cell in source.cells if is_answer(cell)}
        self.locked = [c.source for c in source.cells if c.cell_type == "code" and not is_answer(c)]
        self.known = set(_KEPT)
        for text in [*self.locked, *(released(cell) for cell in self.cells.values())]:
            self.known |= defined_names(text)
            self.known |= {name for line in _IMPORTED.findall(text) for name in re.findall(r"\w+", line)}
        self.letters: dict[str, str] = {}

    def answers(self, notebook: NotebookNode) -> dict[str, _Stream]:
        """grade_id -> tokens, for each answer of a submission that is more than the stub."""
        found = ((self.cells[grade_id(c)], c.source) for c in notebook.cells if grade_id(c) in self.cells)
        return {
            grade_id(cell): self._stream(text, cell.cell_type)
            for cell, text in found
            if not is_untouched(text, cell)
        }

    def given(self) -> dict[str, _Stream]:
        """The same for what everybody was given."""
        texts = {f"given {n}": (text, "code") for n, text in enumerate(self.locked)}
        texts |= {name: (released(cell), cell.cell_type) for name, cell in self.cells.items()}
        return {name: self._stream(text, kind) for name, (text, kind) in texts.items()}

    def _stream(self, text: str, kind: str) -> _Stream:
        if kind != "code":
            return _Stream((self._encode(_WORD.findall(text.lower())),), RUN["markdown"])
        return _Stream(tuple(self._encode(self._tokens(unit)) for unit in _UNIT.split(text)), RUN["code"])

    def _tokens(self, code: str) -> Iterator[str]:
        for match in _TOKEN.finditer(code):
            kind, text = match.lastgroup, match.group()
            if kind == "string":
                yield "''"
            elif kind == "name":
                yield text if text in self.known else "name"
            elif kind == "number":
                yield text.strip("0").rstrip(".") or "0"  # 2, 2. and 2.0 are one number, for this purpose
            elif kind != "skip":
                yield text

    def _encode(self, tokens: Iterable[str]) -> str:
        letters = self.letters
        return "".join(letters.setdefault(t, chr(0x100 + len(letters) % 0xD000)) for t in tokens)[:MAX_TOKENS]


def _runs(answers: Mapping[str, _Stream]) -> np.ndarray:
    """A number for every different run of neighbouring tokens, none across two functions; sorted."""
    runs = (
        hash(unit[i : i + stream.run])
        for stream in answers.values()
        for unit in stream.units
        for i in range(len(unit) - stream.run + 1)
    )
    return np.unique(np.fromiter(runs, dtype=np.int64))


def _candidates(runs: Sequence[np.ndarray]) -> list[tuple[int, int, float]]:
    """The pairs that share enough unusual runs: (index, index, weight of the shared runs), most first.

    A run that d of N students have weighs 1 - log d / log(N + 10), and nothing if more than a fifth of a
    large class have it.
    """
    from scipy.sparse import csr_matrix

    n = len(runs)
    rows = np.repeat(np.arange(n), [len(own) for own in runs])
    _, places, counts = np.unique(
        np.concatenate([*runs, np.empty(0, np.int64)]), return_inverse=True, return_counts=True
    )
    weights = 1 - np.log(counts) / math.log(n + EXTRA_STUDENTS)
    weights[counts > max(EXTRA_STUDENTS, n / 5)] = 0.0
    totals = np.bincount(rows, weights=weights[places], minlength=n)
    several = (counts[places] > 1) & (weights[places] > 0)
    rows, places = rows[several], places[several]
    matrix = csr_matrix((np.sqrt(weights[places]), (rows, places)), shape=(n, len(counts)))
    shared = (matrix @ matrix.T).tocoo()
    least = np.minimum(totals[shared.row], totals[shared.col])
    kept = (shared.row < shared.col) & (shared.data >= np.maximum(MIN_SHARED, MIN_SHARE * least))
    found = zip(shared.row[kept].tolist(), shared.col[kept].tolist(), shared.data[kept].tolist(), strict=True)
    return sorted(found, key=lambda pair: -pair[2])[:MAX_PAIRS]


def _units(streams: Iterable[_Stream]) -> list[str]:
    return [unit for stream in streams for unit in stream.units if unit]


def _similarity(left: list[str], right: list[str]) -> float:
    """How much of the shorter side's functions, each beside its best match, is in the other, in order."""
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cdist

    if sum(map(len, left)) > sum(map(len, right)):
        left, right = right, left
    if not left:
        return 0.0
    best = cdist(left, right, scorer=Indel.normalized_similarity, dtype=np.float64).max(axis=1)
    return float(np.average(best, weights=[len(unit) for unit in left]))


def _alike(name: str, left: Mapping[str, _Stream], right: Mapping[str, _Stream]) -> bool:
    if name not in right:
        return False
    return _similarity(_units([left[name]]), _units([right[name]])) >= MIN_SIMILARITY
