"""What students must not get, and whether a folder or an archive shows any of it.

Secret are the lines of solutions, hidden tests and mark schemes, the answers that the grader is tested
with, and the bytes of every file that only instructors have. Archives and notebooks are looked into.
"""

import contextlib
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from course_lib.grading.course import RELEASES, SOURCES
from course_lib.grading.regions import DELIMITERS, HIDDEN, MARKS, collapse, find_secrets, lines, secret_lines

ANSWERS = "tests/assignments"
INSTRUCTORS_FILES = (SOURCES, ANSWERS, "course_lib/grading", "tests/grading", "nbgrader_config.py")
SHIPPED = "data"  # in solutions/NAME/, what students get as it is
TELLING_FILE = 64  # bytes; a smaller file is no secret by its hash
TELLING_SOLUTION = 20  # characters; "return running" is written by anybody
TELLING_LINE = 30  # characters; of an answer that the grader is tested with
TELLING_LINES = 3  # so many lines of one answer, in one file, are no accident
CACHES = {"__pycache__", ".ipynb_checkpoints"}
NESTED = 4  # archives in archives


@dataclass
class Secrets:
    """Lines with white space collapsed, the lines of each known answer, and hashes of files."""

    lines: set[str] = field(default_factory=set)
    answers: dict[str, set[str]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)


def collect(root: Path) -> Secrets:
    """The secrets of a course folder.

    A line of a solution that also stands in course_lib is none: the library is printed in the book.
    """
    found, public = Secrets(), _public_lines(root)
    for notebook in sorted((root / SOURCES).glob("*/*.ipynb")):
        source = nbformat.read(notebook, as_version=4)
        strict = {
            collapse(line.text)
            for cell in source.cells
            for line in lines(cell.source)
            if line.kind in (HIDDEN, MARKS)
        }
        found.lines |= {
            line
            for line in secret_lines(source)
            if line in strict or (line not in public and len(line) >= TELLING_SOLUTION)
        }
    for path in _instructors_files(root):
        name, data = path.relative_to(root).as_posix(), path.read_bytes()
        for where, part in contents(name, data):
            if len(part) >= TELLING_FILE:
                found.hashes[hashlib.sha256(part).hexdigest()] = where
        if name.startswith(ANSWERS) and path.suffix == ".py":
            told = {collapse(line) for line in data.decode("utf-8", "replace").splitlines()}
            found.answers[name] = {line for line in told - public if len(line) >= TELLING_LINE}
        elif "hidden" in path.parts and path.suffix == ".txt":
            found.lines |= {
                line for text in data.decode("utf-8", "replace").split("\n") if (line := collapse(text))
            }
    return found


def leaks(name: str, data: bytes, secrets: Secrets) -> list[str]:
    """What a file shows although it must not, one sentence each."""
    problems = []
    for where, part in contents(name, data):
        if same := secrets.hashes.get(hashlib.sha256(part).hexdigest()):
            problems.append(f"{where}: is the instructor's {same}")
        text = readable(where, part)
        problems += [f"{where}: shows {line!r}" for line in find_secrets(text, secrets.lines)]
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


def _public_lines(root: Path) -> set[str]:
    """The lines of the library, which the book prints, and of the assignments as students get them."""
    public: set[str] = set()
    for path in (root / "course_lib").rglob("*.py"):
        if "grading" not in path.relative_to(root).parts:
            public |= {collapse(line) for line in path.read_text("utf-8").splitlines()}
    for notebook in (root / RELEASES).glob("*/*.ipynb"):
        for cell in nbformat.read(notebook, as_version=4).cells:
            public |= {collapse(line) for line in cell.source.splitlines()}
    return public


def _instructors_files(root: Path) -> Iterable[Path]:
    for name in INSTRUCTORS_FILES:
        top = root / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            shipped = name == SOURCES and path.relative_to(top).parts[1:2] == (SHIPPED,)
            if path.is_file() and not shipped and not CACHES & set(path.parts):
                yield path
