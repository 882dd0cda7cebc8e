"""From the instructor's `solutions/NAME/` to the student's `assignments/NAME/`, checked for leaks."""

import shutil
import tempfile
from pathlib import Path

import nbformat
from traitlets.config import Config

from course_lib.grading.course import RELEASES, SOURCES, convert
from course_lib.grading.regions import DELIMITERS, find_secrets, secret_lines
from course_lib.grading.secrets import readable
from course_lib.grading.source_check import CHECKPOINTS, HIDDEN_FOLDER, check_source


class ReleaseError(ValueError):
    """An assignment that must not be released; `problems` lists why."""

    def __init__(self, name: str, problems: list[str]) -> None:
        super().__init__(f"{name} is not released:\n" + "\n".join(f"  - {text}" for text in problems))
        self.problems = problems


def assignments(root: Path) -> list[str]:
    """The names of the assignments in a course folder."""
    return sorted(
        path.name for path in (root / SOURCES).glob("*") if path.is_dir() and path.name[0] not in "._"
    )


def generate(root: Path, name: str, config: Config, into: Path) -> Path:
    """Write the student version of one assignment to `into/NAME`, without touching gradebook or course.

    Raises:
        ReleaseError: if the source is not fit for it, or the result shows what students must not see.
    """
    from nbgrader.converters import GenerateAssignment

    source = root / SOURCES / name
    if problems := check_source(source):
        raise ReleaseError(name, problems)
    with tempfile.TemporaryDirectory() as scratch:
        course = Path(scratch).resolve()
        shutil.copytree(
            source, course / SOURCES / name, ignore=shutil.ignore_patterns(CHECKPOINTS, HIDDEN_FOLDER)
        )
        convert(GenerateAssignment, config, name, root=str(course), db_url=f"sqlite:///{course}/scratch.db")
        made = course / RELEASES / name
        if problems := check_release(source, made):
            raise ReleaseError(name, problems)
        return Path(shutil.copytree(made, into / name))


def release(root: Path, name: str, config: Config) -> bool:
    """Bring `assignments/NAME` up to date; whether it changed. A failed release leaves the old one."""
    target = root / RELEASES / name
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".release-") as scratch:
        made = generate(root, name, config, Path(scratch))
        if same_files(made, target):
            return False
        if target.exists():
            target.rename(Path(scratch) / "old")
        made.rename(target)
    return True


def check_release(source: Path, made: Path) -> list[str]:
    """What a released folder shows although it must not, one sentence each."""
    name = source.name
    original = nbformat.read(source / f"{name}.ipynb", as_version=4)
    released = nbformat.read(made / f"{name}.ipynb", as_version=4)
    secrets = secret_lines(original)
    problems = []
    allowed = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    allowed = {path for path in allowed if path.parts[0] != HIDDEN_FOLDER}
    for path in sorted(p for p in made.rglob("*") if not p.is_dir()):
        where = path.relative_to(made)
        if where not in allowed:
            problems.append(f"{where}: not a file of the source")
        text = readable(path.name, path.read_bytes())
        problems += [f"{where}: shows {line!r}" for line in find_secrets(text, secrets)]
        problems += [f"{where}: shows the delimiter {mark!r}" for mark in DELIMITERS if mark in text]
    for index, cell in enumerate(released.cells, start=1):
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None):
            problems.append(f"cell {index}: has outputs")
        if {"attachments", "tags"} & (set(cell) | set(cell.metadata)):
            problems.append(f"cell {index}: has attachments or tags")
    return problems


def same_files(left: Path, right: Path) -> bool:
    """Whether two folders hold the same files with the same bytes; JupyterLab's checkpoints aside."""

    def content(folder: Path) -> dict[Path, bytes]:
        files = {p.relative_to(folder): p for p in folder.rglob("*") if p.is_file()}
        return {name: p.read_bytes() for name, p in files.items() if CHECKPOINTS not in name.parts}

    return left.is_dir() and right.is_dir() and content(left) == content(right)
