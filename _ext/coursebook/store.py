"""Executed pages, kept by key, and the jupyter-cache that the build reads.

jupyter-cache knows a page by its code cells alone. Beside it `pages.json` notes under which key (see
`staleness`) each entry was made, and `archive/` keeps executed pages by key, so that undoing a change
finds the old outputs again.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn

from .pages import BookError, Page

KEPT = 4  # executed versions kept for each page


def replace_text(path: Path, text: str) -> None:
    """Write a whole file or nothing."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(name, path)


class Store:
    """The folder `.jupyter_cache`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = folder / "archive"
        self.archive.mkdir(parents=True, exist_ok=True)
        self.cache = get_cache(folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store against other builds."""
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def notes(self) -> dict[str, dict[str, Any]]:
        """What `pages.json` says: document -> key, jupyter-cache hash, seconds (clock, processor)."""
        try:
            return json.loads((self.folder / "pages.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}

    def code_hash(self, page: Page) -> str:
        """The name by which jupyter-cache knows the page."""
        return self.cache.create_hashed_notebook(page.notebook)[1]

    def has(self, page: Page, key: str) -> bool:
        """Whether the outputs for `key` are there, bringing them back from the archive if need be."""
        with self.locked():
            return self._bring(page, key)

    def fetch(self, page: Page, key: str) -> nbformat.NotebookNode | None:
        """The page with the outputs for `key`, or None; other builds cannot change them meanwhile."""
        with self.locked():
            if not self._bring(page, key):
                return None
            return self.cache.merge_match_into_notebook(page.notebook)[1]

    def _bring(self, page: Page, key: str) -> bool:
        """What `has` does, while the store is locked."""
        note = self.notes().get(page.document)
        code = self.code_hash(page)
        if note and note["key"] == key and note["code"] == code and self._cached(code):
            return True
        executed = self.archive / f"{key}.ipynb"
        if not executed.is_file():
            self._drop(code)
            return False
        try:
            notebook = nbformat.read(executed, as_version=4)
        except Exception:  # a damaged archive is the same as none
            executed.unlink()
            self._drop(code)
            return False
        os.utime(executed)
        self._put(page, key, notebook)
        return True

    def add(
        self, page: Page, key: str, notebook: nbformat.NotebookNode, seconds: float, processor_seconds: float
    ) -> None:
        """Keep an executed page."""
        with self.locked():
            notebook.metadata["course_build"] = {
                "seconds": round(seconds, 2),
                "processor_seconds": round(processor_seconds, 2),
                "document": page.document,
            }
            replace_text(self.archive / f"{key}.ipynb", nbformat.writes(notebook))
            self._put(page, key, notebook)
            self._tidy(page.document, key)

    def _cached(self, code: str) -> bool:
        known = any(record.hashkey == code for record in self.cache.list_cache_records())
        return known and (self.folder / "executed" / code / "base.ipynb").is_file()

    def _drop(self, code: str) -> None:
        for record in self.cache.list_cache_records():
            if record.hashkey == code:
                (self.folder / "executed" / code).mkdir(parents=True, exist_ok=True)
                (self.folder / "executed" / code / "base.ipynb").touch()  # remove_cache wants it there
                self.cache.remove_cache(record.pk)

    def _put(self, page: Page, key: str, notebook: nbformat.NotebookNode) -> None:
        notes = self.notes()
        code = self.code_hash(page)
        times = {name: notebook.metadata["course_build"][name] for name in ("seconds", "processor_seconds")}
        for document, note in notes.items():
            twin = page.path.parents[len(Path(page.document).parts) - 1] / f"{document}.md"
            if note["code"] == code and document != page.document and note["key"] != key and twin.is_file():
                raise BookError(
                    f"{page.document}.md and {document}.md have exactly the same code cells, which the cache "
                    "cannot tell apart: change one of them, for example by a comment"
                )
        # jupyter-cache names an entry also by the header's kernel and the cells' options (alt texts).
        notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        mine = [cell for cell in page.notebook.cells if cell.cell_type == "code"]
        for cell, here in zip(notebook.cells, mine, strict=True):
            cell.metadata = here.metadata
        notebook.metadata.pop("kernelspec", None)
        if "kernelspec" in page.notebook.metadata:
            notebook.metadata["kernelspec"] = page.notebook.metadata["kernelspec"]
        shutil.rmtree(self.folder / "executed" / code, ignore_errors=True)  # also half of an entry
        self.cache.cache_notebook_bundle(
            CacheBundleIn(notebook, str(page.path), data={"execution_seconds": times["seconds"]}),
            check_validity=False,
            overwrite=True,
        )
        notes[page.document] = {"key": key, "code": code, **times}
        replace_text(self.folder / "pages.json", json.dumps(notes, indent=1, sort_keys=True))

    def _tidy(self, document: str, key: str) -> None:
        """Forget all but the latest executed versions of a page."""
        listing = self.archive / "index.json"
        try:
            index = json.loads(listing.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            index = {}
        keys = [old for old in index.get(document, []) if old != key] + [key]
        for old in keys[:-KEPT]:
            (self.archive / f"{old}.ipynb").unlink(missing_ok=True)
        index[document] = keys[-KEPT:]
        replace_text(listing, json.dumps(index, indent=1, sort_keys=True))
