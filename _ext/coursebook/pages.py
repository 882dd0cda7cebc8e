"""The pages of the book: which there are, and what each one runs and reads."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[2]


class BookError(Exception):
    """Something in the book's sources is wrong; the message says what and where."""


@dataclass
class Page:
    """One page of the table of contents.

    `document` is its path in the repository without the suffix, as Sphinx names it.
    """

    document: str
    path: Path
    notebook: nbformat.NotebookNode | None = field(default=None, repr=False)

    @property
    def cells(self) -> list[str]:
        """The source of each code cell, in order."""
        if self.notebook is None:
            return []
        return [cell.source for cell in self.notebook.cells if cell.cell_type == "code"]

    @property
    def data(self) -> list[str]:
        """The files that the page says it reads, relative to the repository."""
        course = (self.notebook.metadata.get("course") or {}) if self.notebook is not None else {}
        return [str(name) for name in course.get("data") or []]


def table_of_contents(toc: dict[str, Any]) -> list[str]:
    """The documents of a parsed `_toc.yml`, in reading order."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for key in ("root", "file"):
                if key in node:
                    found.append(node[key].removesuffix(".md"))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(toc)
    return found


def reduced(toc: Any, documents: set[str]) -> Any:
    """The table of contents without the pages that are not in `documents` (and without empty parts)."""
    if isinstance(toc, dict):
        if "file" in toc and toc["file"].removesuffix(".md") not in documents:
            return None
        kept = {key: reduced(value, documents) for key, value in toc.items()}
        if any(key in kept and not kept[key] for key in ("chapters", "sections")) and "file" not in kept:
            return None
        return {key: value for key, value in kept.items() if value not in (None, [])}
    if isinstance(toc, list):
        return [value for value in (reduced(value, documents) for value in toc) if value is not None]
    return toc


def load_toc(root: Path = ROOT) -> dict[str, Any]:
    """The table of contents as written."""
    return yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))


def read_page(document: str, root: Path = ROOT) -> Page:
    """Read one page, with the reader that the book's build uses, so that cache keys agree.

    Raises:
        BookError: if the file is missing or cannot be read as MyST Markdown.
    """
    path = root / f"{document}.md"
    if not path.is_file():
        raise BookError(f"{document}.md is listed in _toc.yml, but there is no such file")
    from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook

    text = path.read_text(encoding="utf-8")
    if not is_myst_markdown_notebook(text):
        return Page(document, path)
    try:
        notebook = read_myst_markdown_notebook(text, add_source_map=True, path=str(path))
    except Exception as error:
        raise BookError(f"{document}.md: cannot be read as a MyST notebook: {error}") from error
    notebook.metadata.setdefault(
        "kernelspec", {"display_name": "Python 3", "language": "python", "name": "python3"}
    )
    return Page(document, path, notebook)
