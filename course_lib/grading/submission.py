"""The bytes of a submitted notebook as a short list of cells; everything else in them is left behind.

Notebooks of format 2, 3 and 4 are read, in UTF-8, UTF-16 or UTF-32. Of each cell only what `ingest` asks
for is kept: its type, its source, its ids, and what it claims to be worth.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from course_lib.grading.submission_file import MAX_BYTES, RefusedError

MAX_SOURCE = 200_000  # characters of one cell
MAX_SOURCES = 4_000_000  # characters of all cells together; outputs don't count
MAX_CELLS = 5000
MAX_PARSED = 100 * 2**20  # bytes that the parsed notebook may take, estimated
FORMATS = (2, 3, 4)
CLAIMS = ("grade", "locked", "points", "solution")
_TEXT_TYPES = {"markdown": "markdown", "heading": "markdown", "html": "markdown", "raw": "raw"}
_HALF = re.compile("[\ud800-\udfff]")
# What Python needs for one part of a JSON text, in bytes: most adversaries repeat `[],` or `{"":0},`.
_COSTS = {"{": 190, "[": 64, ",": 32, '"': 40}


@dataclass(frozen=True)
class Cell:
    """A submitted cell. `number` counts from 1 as JupyterLab shows them; `skipped` is a tag that hides it."""

    number: int
    cell_type: str
    source: str
    id: str = ""
    grade_id: str = ""
    claims: tuple[tuple[str, object], ...] = ()
    skipped: bool = False


@dataclass(frozen=True)
class Submission:
    """What a student handed in: the cells, notes about how it was read, and when it was handed in."""

    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()
    when: datetime | None = None


def read_notebook(data: bytes, name: str = "the notebook") -> Submission:
    """The cells of a notebook.

    Args:
        data: the file's content, whatever a student may have put there.
        name: what the messages call it.
    Raises:
        RefusedError: if it is no notebook, too large or too deep, or a cell's source is no text.
    """
    try:
        return _read_notebook(data)
    except RefusedError as error:
        raise RefusedError(f"{name} {error}") from None


def from_nbformat(notebook: Mapping[str, Any]) -> Submission:
    """The cells of a notebook of format 4 that nbformat has read.

    Raises:
        RefusedError: if a cell's source is no text, or too long.
    """
    notes: list[str] = []
    try:
        return Submission(tuple(read_cells(notebook.get("cells", []), notes)), tuple(notes))
    except RefusedError as error:
        raise RefusedError(f"the notebook {error}") from None


def _read_notebook(data: bytes) -> Submission:
    if len(data) > MAX_BYTES:
        raise RefusedError(f"is larger than {MAX_BYTES >> 20} MB")
    if not data.strip(b"\xef\xbb\xbf\0 \t\r\n"):
        raise RefusedError("is empty")
    raw = _parse(_decode(data))
    if not isinstance(raw, dict) or "nbformat" not in raw:
        raise RefusedError("is JSON, but not a notebook")
    version = raw["nbformat"]
    if isinstance(version, bool) or version not in FORMATS:
        shown = version if isinstance(version, int) and abs(version) < 1000 else "unknown"
        raise RefusedError(f"is not a notebook of format 2, 3 or 4; its format is {shown}")
    notes: list[str] = []
    cells = tuple(read_cells(_raw_cells(raw, version), notes))
    if version != 4:
        notes.insert(0, f"converted from notebook format {version}")
    return Submission(cells, tuple(notes))


def _decode(data: bytes) -> str:
    """The text, of whichever Unicode encoding; a byte order mark is dropped."""
    encoding = json.detect_encoding(data)
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeError as error:
        where = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise RefusedError(f"is not UTF-8 text{where}") from None
    return text


def _parse(text: str) -> object:
    if sum(cost * text.count(part) for part, cost in _COSTS.items()) > MAX_PARSED:
        raise RefusedError("has too many parts; clear its outputs and save it again")
    try:
        return json.loads(text)
    except RecursionError:
        raise RefusedError("is not valid JSON: nested too deeply") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RefusedError(f"is not valid JSON: {error.msg} ({where})") from None
    except ValueError:  # a number of more than 4300 digits
        raise RefusedError("is not valid JSON: a number is too long") from None


def _raw_cells(raw: dict[str, Any], version: int) -> list[object]:
    """The list of cells; formats 2 and 3 keep it in worksheets."""
    if version == 4:
        cells = raw.get("cells")
    else:
        sheets = raw.get("worksheets")
        found = [s.get("cells") for s in sheets if isinstance(s, dict)] if isinstance(sheets, list) else []
        lists = [cells for cells in found if isinstance(cells, list)]
        cells = list(chain(*lists)) if lists else None
    if not isinstance(cells, list):
        raise RefusedError("is not a notebook: it has no list of cells")
    if len(cells) > MAX_CELLS:
        raise RefusedError(f"has more than {MAX_CELLS} cells")
    return cells


def read_cells(cells: Iterable[object], notes: list[str]) -> Iterator[Cell]:
    """The well-formed cells, cut down to what is used.

    Args:
        cells: cells as JSON has them.
        notes: what had to be left out is added here.
    Raises:
        RefusedError: if a cell's source is no text, or an answer or all of them are too long.
    """
    total = 0
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, Mapping):
            continue
        kind = cell.get("cell_type")
        kind = "code" if kind == "code" else _TEXT_TYPES.get(kind) if isinstance(kind, str) else None
        if kind is None:
            continue
        source = _source(cell, number)
        total += len(source)
        if total > MAX_SOURCES:
            raise RefusedError(f"has more than {MAX_SOURCES} characters in its cells")
        nbgrader, tags = _metadata(cell)
        grade_id = nbgrader.get("grade_id")
        grade_id = grade_id if isinstance(grade_id, str) else ""
        if len(source) > MAX_SOURCE:
            if grade_id:
                raise RefusedError(f"has more than {MAX_SOURCE} characters in cell {number}")
            notes.append(f"cell {number} has more than {MAX_SOURCE} characters and is left out")
            continue
        yield Cell(
            number,
            kind,
            source_text(source),
            id=cell["id"][:64] if isinstance(cell.get("id"), str) else "",
            grade_id=grade_id,
            claims=tuple((key, _plain(nbgrader[key])) for key in CLAIMS if key in nbgrader),
            skipped="skip-execution" in tags,
        )


def _source(cell: Mapping[str, Any], number: int) -> str:
    """A cell's source; format 3 calls that of code `input`, and has headings as cells of their own."""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(part, str) for part in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise RefusedError(f"has a broken cell: the source of cell {number} is not text")
    if cell["cell_type"] == "heading":
        level = cell.get("level")
        return "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1) + " " + source
    return source


def _metadata(cell: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[object]]:
    """nbgrader's metadata and the tags of a cell, both empty if there are none to be understood."""
    metadata = cell.get("metadata")
    if not isinstance(metadata, Mapping):
        return {}, []
    nbgrader, tags = metadata.get("nbgrader"), metadata.get("tags")
    return nbgrader if isinstance(nbgrader, Mapping) else {}, tags if isinstance(tags, list) else []


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float) else None


def source_text(text: str) -> str:
    """A storable text with `\\n` for every kind of line end."""
    return storable(text.replace("\r\n", "\n").replace("\r", "\n"))


def storable(text: str) -> str:
    """A text without NUL, and with U+FFFD for halves of characters, so that it can be written as UTF-8."""
    return _HALF.sub("\ufffd", text.replace("\0", ""))
