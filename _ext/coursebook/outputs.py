"""Give the build the outputs that were made for exactly these pages.

Replaces how MyST-NB looks into the cache, in three respects: a page whose key has changed is never
served old outputs; the notebook offered for download holds the outputs; and what only a live kernel can
show (widget views) is left out of both, because the same output carries a version without a kernel.
"""

import copy
import os
from pathlib import Path
from typing import Any

from myst_nb.core.execute.base import ExecutionError
from myst_nb.core.execute.cache import NotebookClientCache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from .execute import run_page
from .pages import ROOT, BookError, Page, read_page
from .staleness import Library, page_key
from .store import Store

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
DRAFT = "COURSE_BOOK_DRAFT"  # set: pages without outputs stay without
AGAIN = "COURSE_BOOK_AGAIN"  # set: this document is read again in any case


def cache_folder(root: Path = ROOT) -> Path:
    """Where executed pages are kept."""
    return root / ".jupyter_cache"


def without_live_views(notebook: Any) -> None:
    """Remove widget views where the same output has an HTML version."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output["data"].pop(WIDGET_VIEW, None)


def start_client(self: NotebookClientCache) -> None:
    """Take the page's outputs from the store; run the page where there are none."""
    bare = self._notebook
    document = Path(self.path).resolve().relative_to(ROOT).with_suffix("").as_posix()
    page = Page(document, Path(self.path), bare)
    if not page.cells:
        return
    try:
        store, key = Store(cache_folder()), page_key(page, Library())
        merged = store.fetch(page, key)
        if merged is None:
            if os.environ.get(DRAFT):
                return
            self.logger.info("executing: no outputs for this version of the page")
            done = run_page(document, str(page.path.parent), nb_writes(bare))
            if done.failure:
                raise BookError(f"{document}.md: {done.failure}")
            store.add(page, key, done.notebook, done.seconds, done.processor_seconds)
            merged = done.notebook
    except BookError as error:
        self.logger.warning(str(error), subtype="exec")
        raise ExecutionError(str(self.path)) from error
    for cell, executed in zip(bare.cells, merged.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = executed.outputs, executed.execution_count
    without_live_views(bare)
    self._notebook = copy.deepcopy(bare)
    if "language_info" in merged.metadata:
        bare.metadata["language_info"] = merged.metadata["language_info"]
        self._notebook.metadata["language_info"] = merged.metadata["language_info"]
    bare.metadata.pop("source_map", None)
    self.exec_metadata = {
        "mtime": 0.0,
        "runtime": store.notes()[document]["seconds"],
        "method": "cache",
        "succeeded": True,
        "error": None,
        "traceback": None,
    }


def nb_writes(notebook: Any) -> str:
    """The notebook as JSON text."""
    import nbformat

    return nbformat.writes(notebook)


def out_of_date(app: Sphinx, env: BuildEnvironment, *changes: set[str]) -> list[str]:
    """Pages whose outputs changed since Sphinx last read them, though their text did not."""
    keys: dict[str, str] = {}
    library = Library()
    for document in sorted(env.found_docs):
        page = read_page(document)
        if page.cells:
            try:
                keys[document] = page_key(page, library)
            except BookError:
                keys[document] = ""
    before = getattr(env, "course_keys", {})
    env.course_keys = keys  # type: ignore[attr-defined]
    again = os.environ.get(AGAIN, "").split(",")
    return [d for d in env.found_docs if keys.get(d) != before.get(d) or d in again]


def setup(app: Sphinx) -> None:
    """Install the look-up."""
    NotebookClientCache.start_client = start_client  # type: ignore[method-assign]
    app.connect("env-get-outdated", out_of_date)
