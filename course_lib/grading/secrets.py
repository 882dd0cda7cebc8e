"""What students must not get, and whether a folder or an archive shows any of it.

Secret are the passages of solutions, hidden tests and mark schemes, the answers that the grader is tested
with, and the bytes of every file that only instructors have. Archives and notebooks are looked into.
"""

import contextlib
import hashlib
import io
import itertools
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_lib.grading.course import SOURCES
from course_lib.grading.regions import DELIMITERS, HIDDEN, MARKS, SOLUTION, collapse, find_secrets, lines

ANSWERS = "tests/assignments"
INSTRUCTORS_FILES = (SOURCES, ANSWERS, "course_lib/grading", "tests/grading", "nbgrader_config.py")
SHIPPED = "data"  # in solutions/NAME/, what students get as it is
TELLING_FILE = 64  # bytes; a smaller file is no secret by its hash
PASSAGE = 60  # characters of two or more lines; fewer are written by anybody
SHORT = {SOLUTION: 40, HIDDEN: 20, MARKS: 20}  # characters of a whole region; fewer are as good as none
QUOTATION = re.compile(r"""(["'])[^"']{30,}\1""")
TELLING_LINE = 30  # characters; of an answer that the grader is tested with
TELLING_LINES = 3  # so many lines of one answer, in one file, are no accident
CACHES = {"__pycache__", ".ipynb_checkpoints"}
NESTED = 4  # archives in archives


@dataclass
class Secrets:
    """Passages with white space collapsed, the lines of each known answer, and hashes of files."""

    passages: set[str] = field(default_factory=set)
    answers: dict[str, set[str]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)


def collect(root: Path) -> Secrets:
    """The secrets of a course folder.

    A line of an answer that also stands in course_lib is none: the library is printed in the book.
    """
    found, library = Secrets(), _library(root)
    given: set[str] = set()
    for notebook in sorted((root / SOURCES).glob("*/*.ipynb")):
        source = nbformat.read(notebook, as_version=4)
        found.passages |= passages(source)
        given |= {collapse(line.text) for c in source.cells for line in lines(c.source) if line.kind is None}
    for path in _instructors_files(root):
        name, data = path.relative_to(root).as_posix(), path.read_bytes()
        for where, part in contents(name, data):
            if len(part) >= TELLING_FILE:
                found.hashes[hashlib.sha256(part).hexdigest()] = where
        told = {collapse(line) for line in data.decode("utf-8", errors="replace").splitlines()} - given
        if name.startswith(ANSWERS) and path.suffix == ".py":
            found.answers[name] = {line for line in told if len(line) >= TELLING_LINE and line not in library}
        elif "hidden" in path.relative_to(root).parts and path.suffix in (".txt", ".csv", ".json"):
            found.passages |= {line for line in told if len(line) >= TELLING_LINE}
    return found


def passages(source: NotebookNode) -> set[str]:
    """What tells a solution or a hidden test from code that anybody writes, white space collapsed.

    From each line of a region on, as many lines as make a passage of some length; the region as a whole
    where it is shorter; and each line with a long text in quotation marks, such as a hint.
    """
    found: set[str] = set()
    for kind, region in _regions(source):
        for first in range(len(region)):
            longer = (" ".join(region[first:last]) for last in range(first + 2, len(region) + 1))
            found |= set(itertools.islice((text for text in longer if len(text) >= PASSAGE), 1))
        whole = " ".join(region)
        if len(whole) >= SHORT[kind] and (len(whole) < PASSAGE or len(region) == 1):
            found.add(whole)
        found |= {line for line in region if QUOTATION.search(line)}
    return found


def _regions(source: NotebookNode) -> Iterator[tuple[str, list[str]]]:
    """The kind and the lines of each secret region; an answer that is replaced as a whole is one, too."""
    for cell in source.cells:
        parts = list(lines(cell.source))
        answer = cell.metadata.get("nbgrader", {}).get("solution")
        rest = SOLUTION if answer and not any(line.kind == SOLUTION for line in parts) else ""
        for kind, group in itertools.groupby(parts, key=lambda line: line.kind or rest):
            texts = [collapse(line.text) for line in group if not line.is_delimiter]
            if kind and any(texts):
                yield kind, [text for text in texts if text]


def leaks(name: str, data: bytes, secrets: Secrets) -> list[str]:
    """What a file shows although it must not, one sentence each."""
    problems = []
    for where, part in contents(name, data):
        if same := secrets.hashes.get(hashlib.sha256(part).hexdigest()):
            problems.append(f"{where}: is the instructor's {same}")
        text = readable(where, part)
        problems += [f"{where}: shows {line!r}" for line in find_secrets(text, secrets.passages)]
        problems += [f"{where}: shows the delimiter {mark!r}" for mark in DELIMITERS if mark in text]
        problems += [f"{where}: shows the answer {answer}" for answer in _answers_in(text, secrets)]
    return problems


def contents(name: str, data: bytes, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """A file and, if it is an archive (zip, npz), each file in it, with a name that says where it lies."""
    yield name, data
    if depth < NESTED and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    yield from contents(f"{name}/{entry.filename}", archive.read(entry), depth + 1)


def readable(name: str, data: bytes) -> str:
    """A file's bytes as text; of JSON (a notebook, a record) also each string in it as a reader sees it."""
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = data.decode("utf-16" if wide else "utf-8", errors="replace")
    if name.endswith((".ipynb", ".json")):
        with contextlib.suppress(ValueError, RecursionError):
            text += "\n" + "\n".join(_strings(json.loads(text)))
    return text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (part for pair in value.items() for item in pair for part in _strings(item))
    elif isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            yield "".join(value)  # a notebook may keep a source as a list of lines
        yield from (part for item in value for part in _strings(item))


def _answers_in(text: str, secrets: Secrets) -> list[str]:
    shown = {collapse(line) for line in text.splitlines()}
    return [name for name, told in secrets.answers.items() if len(told & shown) >= TELLING_LINES]


def _library(root: Path) -> str:
    """The library's source, which the book prints, with white space collapsed."""
    files = sorted((root / "course_lib").rglob("*.py"))
    public = [path for path in files if "grading" not in path.relative_to(root).parts]
    return " ".join(collapse(path.read_text("utf-8")) for path in public)


def _instructors_files(root: Path) -> Iterable[Path]:
    for name in INSTRUCTORS_FILES:
        top = root / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            shipped = name == SOURCES and path.relative_to(top).parts[1:2] == (SHIPPED,)
            if path.is_file() and not shipped and not CACHES & set(path.parts):
                yield path
