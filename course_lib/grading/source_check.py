"""Is an assignment's source fit to be released? Checked before nbgrader touches it."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.grading.plan import defined_names, is_answer, together
from course_lib.grading.regions import HIDDEN, MARKS, SOLUTION, delimiter_problems, lines

CHECKPOINTS = ".ipynb_checkpoints"  # JupyterLab leaves them wherever it saves
DATA_FOLDER, HIDDEN_FOLDER = "data", "hidden"  # students get the first, only tests see the second
HIDDEN_SUFFIXES = (".json", ".npy", ".npz")
DATA_SUFFIXES = {".csv", ".json", ".npy", ".png", ".svg", ".tsv", ".txt"}


def check_source(folder: Path) -> list[str]:
    """Everything wrong with `solutions/NAME/`, one sentence each; empty if it may be released.

    The folder holds `NAME.ipynb` and, if need be, files that students may have under `data/`.
    """
    notebook = folder / f"{folder.name}.ipynb"
    if not notebook.is_file():
        return [f"{notebook} does not exist"]
    problems = [
        f"{path.relative_to(folder)}: would be copied to the students; only {notebook.name}, "
        f"{DATA_FOLDER}/*{{{','.join(sorted(DATA_SUFFIXES))}}} and "
        f"{HIDDEN_FOLDER}/*{{{','.join(HIDDEN_SUFFIXES)}}} "
        f"may lie in {folder.name}/"
        for path in sorted(folder.rglob("*"))
        if CHECKPOINTS not in path.parts
        if path.is_symlink()
        or (path.is_file() and path != notebook and not _is_data(path.relative_to(folder)))
    ]
    try:
        nb = nbformat.reads(notebook.read_text("utf-8"), as_version=4)
        nbformat.validate(nb)
    except (ValueError, nbformat.ValidationError) as error:
        return [*problems, f"{notebook.name}: not a valid notebook: {str(error).splitlines()[0]}"]
    return problems + check_notebook(nb)


def check_notebook(nb: NotebookNode) -> list[str]:
    """The problems of the instructor's notebook itself."""
    problems = []
    if nb.metadata.get("kernelspec", {}).get("name") != "python3":
        problems.append("the kernel must be python3")
    seen: set[str] = set()
    for index, cell in enumerate(nb.cells, start=1):
        meta = cell.metadata.get("nbgrader")
        grade_id = (meta or {}).get("grade_id", "")
        where = f"cell {index}" + (f" ({grade_id})" if grade_id else "")
        problems += delimiter_problems(cell.source, where)
        kinds = {line.kind for line in lines(cell.source)} - {None}
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None):
            problems.append(f"{where}: has outputs; clear them")
        if meta is None:
            if kinds or cell.cell_type == "code":
                problems.append(f"{where}: needs nbgrader metadata, it holds code or a region")
            continue
        if grade_id in seen:
            problems.append(f"{where}: a second cell with this id")
        seen.add(grade_id)
        problems += [f"{where}: {text}" for text in _metadata_problems(cell, meta, kinds)]
    if not any(c.metadata.get("nbgrader", {}).get("grade") for c in nb.cells):
        problems.append("no cell is graded")
    return problems + _groups_problems(nb)


def _groups_problems(nb: NotebookNode) -> list[str]:
    """What is wrong with the groups of functions whose tests may share a process."""
    if not together(nb):
        return []
    answers = [cell.source for cell in nb.cells if cell.cell_type == "code" and is_answer(cell)]
    known = {name for source in answers for name in defined_names(source)}
    named = [name for group in together(nb) for name in sorted(group)]
    unknown = [f"metadata course.together: no answer defines {name}" for name in named if name not in known]
    twice = {name for name in named if named.count(name) > 1}
    return unknown + [f"metadata course.together: {name} is in two groups" for name in sorted(twice)]


def _metadata_problems(cell: NotebookNode, meta: NotebookNode, kinds: set[str | None]) -> list[str]:
    problems = []
    grade, solution, locked = (bool(meta.get(key)) for key in ("grade", "solution", "locked"))
    if meta.get("schema_version") != 3:
        problems.append("schema_version must be 3")
    if grade and not float(meta.get("points", 0)) > 0:
        problems.append("a graded cell needs points above 0")
    if HIDDEN in kinds and not (grade and locked and not solution):
        problems.append("hidden tests outside of a locked, graded test cell")
    if SOLUTION in kinds and not solution:
        problems.append("a solution region outside of a solution cell")
    if MARKS in kinds and cell.cell_type != "markdown":
        problems.append("a mark scheme outside of a written answer")
    if cell.cell_type == "code" and solution and not grade and SOLUTION not in kinds:
        problems.append("a solution cell without '### BEGIN SOLUTION'")
    if grade and not solution and not locked:
        problems.append("a test cell must be locked")
    return problems


def _is_data(path: Path) -> bool:
    suffixes = {DATA_FOLDER: tuple(DATA_SUFFIXES), HIDDEN_FOLDER: HIDDEN_SUFFIXES}
    return len(path.parts) > 1 and path.suffix in suffixes.get(path.parts[0], ())
