"""The build says plainly what is missing, leaves nothing old, and tells authors about their page only."""

import argparse
import errno
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import build_book
from coursebook import listing, outputs, pages, register, runtime

TOC: dict[str, Any] = {
    "format": "jb-book",
    "root": "chapters/index",
    "parts": [
        {"caption": "Start", "chapters": [{"file": "chapters/a"}, {"file": "chapters/b"}]},
        {"caption": "Later", "chapters": [{"file": "chapters/c"}]},
    ],
}


def test_the_table_of_contents_is_read_in_order() -> None:
    assert pages.table_of_contents(TOC) == ["chapters/index", "chapters/a", "chapters/b", "chapters/c"]


def test_a_reduced_table_of_contents_drops_pages_and_empty_parts() -> None:
    small = pages.reduced(TOC, {"chapters/index", "chapters/b"})
    assert pages.table_of_contents(small) == ["chapters/index", "chapters/b"]
    assert [part["caption"] for part in small["parts"]] == ["Start"]


def test_a_missing_page_is_named_and_nothing_is_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "load_toc", lambda root: TOC)
    monkeypatch.setattr(build_book, "execute_stale", lambda *_: pytest.fail("nothing may run"))
    assert build_book.whole_book(argparse.Namespace(draft=False, jobs=1, pages=[])) == 1
    said = capsys.readouterr().out
    assert "MISSING PAGE: chapters/a.md is listed in _toc.yml" in said
    assert "nothing was built" in said


def test_an_unlisted_page_has_no_preview(capsys: pytest.CaptureFixture[str]) -> None:
    page = str(build_book.ROOT / "chapters" / "nowhere.md")
    assert build_book.preview(argparse.Namespace(pages=[page], jobs=1)) == 1
    assert "chapters/nowhere.md is not in _toc.yml" in capsys.readouterr().out


def test_pages_that_left_the_book_leave_its_html(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_book, "BUILD", tmp_path)
    for name in ("chapters/a", "chapters/old", "source/course_lib/files", "source/course_lib/gone"):
        path = tmp_path / "html" / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    build_book.remove_leftovers({"chapters/a"})
    left = {p.relative_to(tmp_path / "html").as_posix() for p in tmp_path.rglob("*.html")}
    assert left == {"chapters/a.html", "source/course_lib/files.html"}


def test_an_author_sees_the_warnings_of_their_page_and_the_general_ones() -> None:
    complaints = (
        "/x/chapters/a.md:3: WARNING: mine\n  more of mine\n"
        "/x/chapters/b.md:4: WARNING: theirs\nWARNING: general\n"
    )
    mine, others = build_book.split(complaints, ["chapters/a"])
    assert mine == ["/x/chapters/a.md:3: WARNING: mine", "  more of mine", "WARNING: general"]
    assert others == ["/x/chapters/b.md:4: WARNING: theirs"]


def test_a_live_view_is_left_out_only_where_there_is_html_instead() -> None:
    import nbformat

    both = nbformat.v4.new_output("display_data", {outputs.WIDGET_VIEW: {}, "text/html": "<p>"})
    alone = nbformat.v4.new_output("display_data", {outputs.WIDGET_VIEW: {}})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[both, alone])])
    notebook.metadata["widgets"] = {"state": 1}
    outputs.without_live_views(notebook)
    assert [set(o["data"]) for o in notebook.cells[0].outputs] == [{"text/html"}, {outputs.WIDGET_VIEW}]
    assert "widgets" not in notebook.metadata


class FakeApp:
    """As much of a Sphinx application as `relink` looks at."""

    def __init__(self, url: str) -> None:
        options = {"repository_url": url, "repository_branch": "main"}
        self.config = argparse.Namespace(html_theme_options=options)


@pytest.mark.parametrize(
    ("url", "leads_to"),
    [
        ("", "../../source/course_lib/files.html#L3"),
        ("https://example.org/course/", "https://example.org/course/blob/main/course_lib/files.py#L3"),
    ],
)
def test_links_to_code_follow_the_one_setting(url: str, leads_to: str) -> None:
    context = {"body": '<a href="../../course_lib/files.py#L3">code</a>'}
    listing.relink(FakeApp(url), "chapters/01-a/one", "page.html", context, None)  # type: ignore[arg-type]
    assert context["body"] == f'<a href="{leads_to}">code</a>'


def test_each_line_of_a_source_page_has_its_anchor() -> None:
    html = listing.numbered('"""Two\nlines."""\nx = 1\n')
    assert [f'id="L{n}"' in html for n in (1, 2, 3, 4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "no time"), (3.24, "3.2 seconds"), (9.96, "10 seconds"), (31.4, "31 seconds")],
)
def test_a_run_time_is_said_in_words(seconds: float | None, text: str) -> None:
    assert runtime.in_words(seconds).startswith(text)


def test_every_system_has_a_place_on_the_map_and_a_name_for_its_tile() -> None:
    rows = register.systems()
    assert {row["part"] for row in rows} <= set(register.PARTS)
    placed = [row["id"] for _, members in register.by_part(rows) for row in members]
    assert sorted(placed) == sorted(row["id"] for row in rows)
    assert all(0 < len(register.short(row["name"])) <= 60 for row in rows)


def test_an_interrupted_run_ends_its_workers_at_once() -> None:
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt), build_book.workers(1) as pool:
        pool.submit(time.sleep, 0).result()
        pool.submit(time.sleep, 60)
        raise KeyboardInterrupt
    for process in multiprocessing.active_children():
        process.join(10)
    assert time.perf_counter() - start < 30
    assert not multiprocessing.active_children()


def test_after_a_build_that_broke_off_sphinx_reads_everything_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in pages.table_of_contents(TOC):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.md").write_text("# Title\n")
    before = tmp_path / "_build" / ".doctrees" / "environment.pickle"
    before.parent.mkdir(parents=True)
    seen: list[bool] = []

    def sphinx(*_: object) -> tuple[int, str]:
        seen.append(before.exists())
        before.touch()
        if len(seen) == 1:
            raise KeyboardInterrupt
        return 1, "a warning"

    monkeypatch.setattr(build_book, "ROOT", tmp_path)
    monkeypatch.setattr(build_book, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(pages, "load_toc", lambda root: TOC)
    monkeypatch.setattr(build_book, "execute_stale", lambda *_: [])
    monkeypatch.setattr(build_book, "sphinx", sphinx)
    options = argparse.Namespace(draft=False, jobs=1, pages=[])
    with pytest.raises(KeyboardInterrupt):
        build_book.whole_book(options)
    assert before.exists()
    assert build_book.whole_book(options) == build_book.whole_book(options) == 1
    assert seen == [False, False, False]


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (KeyboardInterrupt(), 130, "run the same command again to go on"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "the disk is full: free some space"),
    ],
)
def test_ctrl_c_and_a_full_disk_are_one_line(
    error: BaseException,
    status: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(sys, "argv", ["build_book.py"])
    monkeypatch.setattr(build_book, "BUILD", tmp_path)
    monkeypatch.setattr(build_book, "whole_book", fail)
    assert build_book.main() == status
    said = capsys.readouterr().out.strip()
    assert message in said
    assert "\n" not in said
