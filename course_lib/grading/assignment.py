"""All of an assignment that grading needs, in one plain object that can be sent to another machine."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.grading.source_check import DATA_FOLDER, HIDDEN_FOLDER


@dataclass(frozen=True)
class Assignment:
    """The instructor's notebook, as bytes, and the files beside it by their relative names.

    Attributes:
        files: students have them, too; they lie in the worker's folder.
        hidden: only tests see them.
    """

    name: str
    notebook: bytes
    files: dict[str, bytes]
    hidden: dict[str, bytes]

    @cached_property
    def source(self) -> NotebookNode:
        """The instructor's notebook; not to be changed."""
        return nbformat.reads(self.notebook.decode("utf-8"), as_version=4)

    @cached_property
    def mark(self) -> str:
        """A hash of everything in it."""
        digest = hashlib.sha256(self.notebook)
        for name, content in sorted(
            (self.files | {f"hidden/{k}": v for k, v in self.hidden.items()}).items()
        ):
            digest.update(f"\n{name} {len(content)}\n".encode() + content)
        return digest.hexdigest()


def load_assignment(folder: Path) -> Assignment:
    """Read `solutions/NAME/`."""
    return Assignment(
        name=folder.name,
        notebook=(folder / f"{folder.name}.ipynb").read_bytes(),
        files=_files(folder, folder / DATA_FOLDER),
        hidden=_files(folder / HIDDEN_FOLDER, folder / HIDDEN_FOLDER),
    )


def _files(relative_to: Path, folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    return {path.relative_to(relative_to).as_posix(): path.read_bytes() for path in paths}
