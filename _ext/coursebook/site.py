"""A built book on disk, read for checking."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import yaml

from .pages import table_of_contents

FETCHING = {"script", "img", "iframe", "source", "video", "audio", "embed", "object", "track", "input"}
CSS_FETCH = re.compile(r"""(?:url\(\s*|@import\s+)["']?\s*((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
SCRIPT_FETCH = re.compile(
    r"""(?:\bsrc\s*=|\bimport\s*\(|\bimport\s|\bfetch\s*\(|importScripts\s*\()\s*["']((?:https?:)?//[^"']+)"""
)


class Html(HTMLParser):
    """What the checks need to know about one HTML file."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.images: list[tuple[dict[str, str], int]] = []  # attributes, number of its player (0: none)
        self.classes: list[set[str]] = []
        self.players = 0
        self._open: list[str] = []  # tags inside a player, to know where it ends
        self._inside: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note ids, links, pictures, players and everything that a browser would fetch."""
        at = {name: value or "" for name, value in attrs}
        classes = set(at.get("class", "").split())
        if classes:
            self.classes.append(classes)
        if tag == "div" and self._open:
            self._open.append(tag)
        if "course-player" in classes:
            self.players += 1
            self._open = [tag]
        for name in ("id", "name"):
            if at.get(name):
                self.ids.add(at[name])
        if tag == "a" and "href" in at:
            self.links.append(at["href"])
        if tag == "img":
            self.images.append((at, self.players if self._open else 0))
        if tag in FETCHING:
            self.fetched += [at[name] for name in ("src", "data", "poster") if name in at]
            self.fetched += [part.split()[0] for part in at.get("srcset", "").split(",") if part.strip()]
        if tag == "link" and at.get("rel", "") not in ("canonical", "license", "author"):
            self.fetched.append(at.get("href", ""))
        self.fetched += CSS_FETCH.findall(at.get("style", ""))
        self._inside = tag if tag in ("script", "style") else self._inside

    def handle_endtag(self, tag: str) -> None:
        """Close scripts, styles and players."""
        if tag == self._inside:
            self._inside = None
        if tag == "div" and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Look for addresses in inline styles and scripts."""
        if self._inside == "style":
            self.fetched += CSS_FETCH.findall(data)
        elif self._inside == "script":
            self.fetched += SCRIPT_FETCH.findall(data)

    def count(self, *names: str) -> int:
        """How many elements carry all these classes."""
        return sum(1 for classes in self.classes if classes.issuperset(names))


@dataclass
class Site:
    """A built book: its HTML, the pages it should have, and the report of the build."""

    html: Path
    documents: list[str]
    report: dict[str, dict[str, Any]]
    notebooks: Path
    parsed: dict[Path, Html] = field(default_factory=dict, repr=False)

    @cached_property
    def files(self) -> list[Path]:
        """Every HTML file."""
        return sorted(p for p in self.html.rglob("*.html") if "_static" not in p.relative_to(self.html).parts)

    def page(self, path: Path) -> Html:
        """An HTML file, read once."""
        if path not in self.parsed:
            self.parsed[path] = Html(path.read_text(encoding="utf-8"))
        return self.parsed[path]

    def of(self, document: str) -> Path:
        """The HTML file of a document."""
        return self.html / f"{document}.html"

    def name(self, path: Path) -> str:
        """A file's path in the book."""
        return path.relative_to(self.html).as_posix()

    def with_code(self) -> Iterator[str]:
        """The documents that have code cells and an HTML file."""
        return (
            d for d in self.documents if self.report.get(d, {}).get("code_cells") and self.of(d).is_file()
        )

    def cells(self, document: str) -> list[dict[str, Any]]:
        """The code cells of the executed notebook that the page offers."""
        path = self.notebooks / f"{document}.ipynb"
        if not path.is_file():
            return []
        return [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]


def open_site(build: Path, toc: Path) -> Site:
    """The book below `build`, with the pages that `toc` lists."""
    report = json.loads((build / "book.json").read_text(encoding="utf-8"))
    documents = table_of_contents(yaml.safe_load(toc.read_text(encoding="utf-8")))
    return Site(build / "html", documents, report, build / "jupyter_execute")
