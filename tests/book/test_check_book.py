"""Each check passes on a sound small book and fails on one that is broken in that one respect."""

# ruff: noqa: E501

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("check_book", ROOT / "tools" / "check_book.py")
assert spec is not None
assert spec.loader is not None
check_book = importlib.util.module_from_spec(spec)
sys.modules["check_book"] = check_book
spec.loader.exec_module(check_book)

PAGE = """<html><head><link rel="stylesheet" href="_static/a.css"><script>let x = "https://no.example/";</script></head>
<body><h1 id="top-title">One</h1><a href="chapters/01-a/one.html#here">x</a>
<a href="https://arxiv.org/abs/1301.3781">a link may lead out</a></body></html>"""
CHAPTER = """<html><head><link rel="stylesheet" href="../../_static/a.css"></head><body>
<h1 id="here">Chapter</h1><div class="goals admonition"></div>
<div class="cell"><div class="cell_output docutils"><img src="a.svg" alt="A line that falls with the number of seeds."></div></div>
<div class="course-player"><div><img src="data:x" alt="Step 1 of a walk."><img src="data:y" alt="Step 2 of a walk."></div></div>
<div class="exercise admonition"></div><div class="exercise admonition"></div><div class="exercise admonition"></div>
<div class="solution admonition"></div><div class="solution admonition"></div><div class="solution admonition"></div>
<a href="../../index.html">home</a><a href="../../_downloads/one.ipynb">notebook</a></body></html>"""
CELL = {
    "cell_type": "code",
    "execution_count": 1,
    "source": "1",
    "metadata": {},
    "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],
}


class Book:
    """A small built book on disk, to break in one place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chapter = "chapters/01-a/one"
        self.write("html/index.html", PAGE)
        self.write(f"html/{self.chapter}.html", CHAPTER)
        self.write("html/_static/a.css", "body { background: url(b.png) }")
        self.write("html/_downloads/one.ipynb", "{}")
        self.report: dict[str, dict[str, Any]] = {
            "index": {"code_cells": 0, "seconds": None, "processor_seconds": None},
            self.chapter: {"code_cells": 1, "seconds": 4.0, "processor_seconds": 3.0},
        }
        self.cells([CELL])
        self.write("_toc.yml", "format: jb-book\nroot: index\nchapters:\n- file: chapters/01-a/one\n")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def cells(self, cells: list[dict[str, Any]]) -> None:
        self.write(f"jupyter_execute/{self.chapter}.ipynb", json.dumps({"cells": cells}))

    def edit(self, old: str, new: str, name: str | None = None) -> None:
        path = self.folder / "html" / (name or f"{self.chapter}.html")
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def problems(self) -> list[str]:
        self.write("book.json", json.dumps(self.report))
        return check_book.problems(check_book.open_site(self.folder, self.folder / "_toc.yml"))


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def test_a_sound_book_has_no_problem(book: Book) -> None:
    assert book.problems() == []


BREAKS: dict[str, tuple[Callable[[Book], Any], str]] = {
    "page missing": (lambda b: (b.folder / "html" / f"{b.chapter}.html").unlink(), "but not built"),
    "page left over": (lambda b: b.write("html/chapters/old.html", "<p>"), "not in the table of contents"),
    "huge page": (lambda b: b.edit("</body>", "x" * 12_100_000 + "</body>"), "is more than"),
    "cell not run": (lambda b: b.cells([{**CELL, "execution_count": None}]), "code cells [1] did not run"),
    "no outputs": (lambda b: b.cells([{**CELL, "outputs": []}]), "no cell has an output"),
    "outputs not on the page": (lambda b: b.edit("cell_output ", ""), "the page shows no output"),
    "cell missing": (lambda b: b.report[b.chapter].update(code_cells=2), "has 1 code cells, the page has 2"),
    "no executed notebook": (
        lambda b: (b.folder / "jupyter_execute" / f"{b.chapter}.ipynb").unlink(), "has 0 code cells"),
    "stderr": (
        lambda b: b.cells([{**CELL, "outputs": [{"output_type": "stream", "name": "stderr", "text": "oh"}]}]),
        "wrote to stderr"),
    "error": (
        lambda b: b.cells([{**CELL, "outputs": [{"output_type": "error", "ename": "KeyError"}]}]),
        "raised KeyError"),
    "too slow": (lambda b: b.report[b.chapter].update(processor_seconds=40.5), "more than 40 s"),
    "too slow on average": (lambda b: b.report[b.chapter].update(processor_seconds=12.0), "on average"),
    "not timed": (lambda b: b.report[b.chapter].update(processor_seconds=None), "no run time"),
    "alt is a hash": (
        lambda b: b.edit("A line that falls with the number of seeds.", "0f9a" * 16), "no real alt text"),
    "alt is a file name": (lambda b: b.edit("A line that falls with the number of seeds.", "../a.png"), "no real alt"),
    "alt is empty": (lambda b: b.edit("A line that falls with the number of seeds.", " "), "no real alt text"),
    "alt is missing": (lambda b: b.edit(' alt="A line that falls with the number of seeds."', ""), "no real alt text"),
    "a frame without alt": (lambda b: b.edit("Step 2 of a walk.", ""), "no real alt text"),
    "two frames with one alt": (lambda b: b.edit("Step 2", "Step 1"), "two frames of a player"),
    "dead link": (lambda b: b.edit("../../index.html", "../../nowhere.html"), "dead link ../../nowhere.html"),
    "dead anchor": (lambda b: b.edit("#here", "#there", "index.html"), "dead anchor"),
    "dead anchor on the page": (lambda b: b.edit("../../index.html", "#gone"), "dead anchor #gone"),
    "script from elsewhere": (
        lambda b: b.edit("</head>", '<script src="https://cdn.example/x.js"></script></head>'), "fetches https://cdn"),
    "style sheet without scheme": (
        lambda b: b.edit("</head>", '<link rel="stylesheet" href="//cdn.example/x.css"></head>'), "fetches //cdn"),
    "picture from elsewhere": (lambda b: b.edit("a.svg", "http://x.example/a.svg"), "fetches http://x"),
    "source set": (lambda b: b.edit('src="a.svg"', 'src="a.svg" srcset="https://x.example/a.svg 2x"'), "fetches https://x"),
    "inline style": (
        lambda b: b.edit("<body>", '<body style="background:url(https://x.example/a.png)">'), "fetches https://x"),
    "style element": (
        lambda b: b.edit("</head>", "<style>@import 'https://x.example/a.css';</style></head>"), "fetches https://x"),
    "script that loads": (
        lambda b: b.edit("</head>", "<script>s.src='https://x.example/a.js'</script></head>"), "fetches https://x"),
    "style file": (
        lambda b: b.write("html/_static/b.css", "@font-face{src:url('https://f.example/f.woff2')}"), "fetches https://f"),
    "frame": (lambda b: b.edit("<body>", '<body><iframe src="https://x.example/"></iframe>'), "fetches https://x"),
    "no goals": (lambda b: b.edit("goals ", ""), "What you will be able to do"),
    "two exercises": (lambda b: b.edit('<div class="exercise admonition"></div>', ""), "2 exercises"),
    "solution missing": (lambda b: b.edit('<div class="solution admonition"></div>', ""), "2 solutions"),
    "no download": (lambda b: b.edit("one.ipynb", "one.zip"), "no notebook for download"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_book_is_found_out(book: Book, name: str) -> None:
    break_it, says = BREAKS[name]
    break_it(book)
    assert any(says in problem for problem in book.problems()), book.problems()


def test_every_check_is_shown_to_fail(book: Book) -> None:
    """No check is in the list that no broken book above sets off."""
    failed = set()
    for number, (break_it, _) in enumerate(BREAKS.values()):
        broken = Book(book.folder / str(number))
        break_it(broken)
        broken.write("book.json", json.dumps(broken.report))
        site = check_book.open_site(broken.folder, broken.folder / "_toc.yml")
        failed |= {check.__name__ for check in check_book.CHECKS if list(check(site))}
    assert failed == {check.__name__ for check in check_book.CHECKS}


def test_an_error_is_refused_even_where_the_cell_asks_for_it(book: Book) -> None:
    outputs = [{"output_type": "error", "ename": "ValueError"}]
    book.cells([{**CELL, "metadata": {"tags": ["raises-exception"]}, "outputs": outputs}])
    assert any("raised ValueError" in problem for problem in book.problems())
