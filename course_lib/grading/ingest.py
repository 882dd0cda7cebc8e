"""Take a submission in: refuse what is no notebook, rebuild the rest from the instructor's copy.

Only two things of a submission are used: the sources of its answer cells, and the student's own extra
cells. Everything else, tests and metadata above all, comes from the instructor's notebook, so a moved,
edited, deleted or duplicated cell can neither cheat nor stop the grading.
"""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

MAX_BYTES = 20 * 2**20
MAX_SOURCE = 200_000
MAX_EXTRA_CELLS = 300
MISSING = "# This answer cell was missing from the submission."
STUBS = {"code": "raise NotImplementedError()", "markdown": "YOUR ANSWER HERE"}


class RefusedError(ValueError):
    """A submission that cannot be graded; the message says why, in words for the instructor."""


def read_submission(folder: Path, name: str) -> NotebookNode:
    """The notebook `NAME.ipynb` of a submission's folder.

    Raises:
        RefusedError: if it is missing, a link, too large, or not a notebook of format 4.
    """
    path = folder / f"{name}.ipynb"
    for part in (folder, path):
        try:
            mode = part.lstat().st_mode
        except OSError:
            raise RefusedError(f"no {name}.ipynb{_others(folder)}") from None
        if not (stat.S_ISDIR(mode) if part == folder else stat.S_ISREG(mode)):
            raise RefusedError(f"{part.name} is a link or no ordinary file")
    if path.stat().st_size > MAX_BYTES:
        raise RefusedError(f"{path.name} is larger than {MAX_BYTES >> 20} MB")
    try:
        raw = json.loads(path.read_bytes().decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"{path.name} is not valid JSON: {str(error)[:100]}") from None
    if not isinstance(raw, dict) or raw.get("nbformat") != 4 or not isinstance(raw.get("cells"), list):
        raise RefusedError(f"{path.name} is not a notebook of format 4")
    return NotebookNode(
        nbformat=4, nbformat_minor=5, metadata=NotebookNode(), cells=list(_cells(raw["cells"]))
    )


def _cells(cells: list[object]) -> Iterator[NotebookNode]:
    """The well-formed cells, reduced to id, type, source and nbgrader's grade_id."""
    for cell in cells:
        if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
            continue
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(part for part in source if isinstance(part, str))
        if not isinstance(source, str) or len(source) > MAX_SOURCE:
            raise RefusedError(f"a cell's source is not text or longer than {MAX_SOURCE} characters")
        meta = cell.get("metadata")
        meta = meta.get("nbgrader") if isinstance(meta, dict) else None
        grade_id = meta.get("grade_id") if isinstance(meta, dict) else None
        yield NotebookNode(
            id=str(cell.get("id", ""))[:64],
            cell_type=cell["cell_type"],
            source=source.replace("\0", ""),
            metadata=NotebookNode(nbgrader=NotebookNode(grade_id=grade_id))
            if isinstance(grade_id, str)
            else {},
        )


def _others(folder: Path) -> str:
    try:
        names = sorted(p.name for p in folder.iterdir() if p.suffix == ".ipynb")
    except OSError:
        return ""
    return f" (but {', '.join(names[:3])})" if names else ""


def rebuild(source: NotebookNode, submitted: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """The instructor's notebook with the student's answers in it.

    Args:
        source: the instructor's notebook, of `solutions/`.
        submitted: what the student handed in.
    Returns:
        The notebook to run, and a note for each thing that was put right.
    """
    theirs = {cell.metadata.nbgrader.grade_id: cell for cell in source.cells if _grade_id(cell)}
    ids, texts = {cell.get("id") for cell in source.cells}, {cell.source for cell in source.cells}
    copies: dict[str, list[NotebookNode]] = {name: [] for name in theirs}
    extras: dict[str, list[NotebookNode]] = {"": []}  # the student's own cells, by the known cell above them
    anchor = ""
    for cell in submitted.cells:
        name = _grade_id(cell)
        if name in theirs:
            anchor = name
            copies[name].append(cell)
        elif cell.cell_type != "raw" and cell.get("id") not in ids and cell.source not in texts:
            extras.setdefault(anchor, []).append(cell)
    notes: list[str] = []
    answers = {
        name: _answer(theirs[name], copies[name], notes, extras)
        for name in theirs
        if _is_answer(theirs[name])
    }
    for name in set(theirs) - set(answers):
        if len(copies[name]) != 1:
            notes.append(f"cell {name} was {'deleted' if not copies[name] else 'duplicated'} and is restored")
    return _assemble(source, answers, extras, notes), notes


def _answer(
    cell: NotebookNode, copies: list[NotebookNode], notes: list[str], extras: dict[str, list[NotebookNode]]
) -> str:
    """The student's text for one answer cell: the last copy that is more than the stub."""
    name, stub = cell.metadata.nbgrader.grade_id, STUBS[cell.cell_type]
    if not copies:
        notes.append(f"answer cell {name} is missing")
        return MISSING if cell.cell_type == "code" else stub
    chosen = next((copy for copy in reversed(copies) if stub not in copy.source), copies[-1])
    if len(copies) > 1:
        notes.append(f"answer cell {name} was duplicated; its last filled-in copy counts")
        others = [copy for copy in copies if copy is not chosen and stub not in copy.source]
        extras.setdefault(f"before {name}", []).extend(others)
    return chosen.source


def _assemble(
    source: NotebookNode, answers: dict[str, str], extras: dict[str, list[NotebookNode]], notes: list[str]
) -> NotebookNode:
    cells: list[NotebookNode] = []
    count = 0

    def add(anchor: str) -> None:
        nonlocal count
        for cell in extras.get(anchor, []):
            count += 1
            if count <= MAX_EXTRA_CELLS:
                make = new_code_cell if cell.cell_type == "code" else new_markdown_cell
                cells.append(make(cell.source, id=f"extra-{count}"))

    add("")
    for cell in source.cells:
        name = _grade_id(cell)
        add(f"before {name}")
        cell = NotebookNode(cell)
        cell["metadata"] = NotebookNode(
            {k: NotebookNode(v) for k, v in cell.metadata.items() if k == "nbgrader"}
        )
        if name in answers:
            cell["source"] = answers[name]
        cells.append(cell)
        if name:
            add(name)
    if count > MAX_EXTRA_CELLS:
        notes.append(f"{count - MAX_EXTRA_CELLS} extra cells beyond {MAX_EXTRA_CELLS} were left out")
    return NotebookNode(nbformat=4, nbformat_minor=5, metadata=NotebookNode(source.metadata), cells=cells)


def _grade_id(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id") or ""


def _is_answer(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))
