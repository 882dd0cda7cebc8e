"""Executed pages are kept by key: undoing a change runs nothing; a failing page keeps nothing."""

import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_ext"))

from coursebook.execute import run_page
from coursebook.pages import BookError, Page
from coursebook.store import KEPT, Store


def page(document: str, *cells: str) -> Page:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return Page(document, Path("/book") / f"{document}.md", notebook)


def executed(of: Page, output: str) -> nbformat.NotebookNode:
    notebook = nbformat.from_dict(of.notebook)
    for number, cell in enumerate(notebook.cells, 1):
        cell.execution_count = number
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=output)]
    return notebook


def shown(store: Store, of: Page) -> str:
    return store.cache.merge_match_into_notebook(of.notebook)[1].cells[0].outputs[0].text


def test_a_page_is_found_under_its_key_and_not_under_another(tmp_path: Path) -> None:
    store, one = Store(tmp_path), page("chapters/one", "print(1)")
    assert not store.has(one, "a")
    store.add(one, "a", executed(one, "first"), 1.5, 1.5)
    assert store.has(one, "a")
    assert store.notes()["chapters/one"]["seconds"] == 1.5
    assert not store.has(one, "b")
    with pytest.raises(KeyError):  # outputs of another version are dropped, not served
        shown(store, one)


def test_a_revert_brings_the_old_outputs_back_without_running_anything(tmp_path: Path) -> None:
    store, one = Store(tmp_path), page("chapters/one", "print(1)")
    store.add(one, "a", executed(one, "first"), 1.0, 1.0)
    store.add(one, "b", executed(one, "second"), 2.0, 2.0)
    assert shown(store, one) == "second"
    assert store.has(one, "a")
    assert shown(store, one) == "first"
    assert store.notes()["chapters/one"] == {**store.notes()["chapters/one"], "key": "a", "seconds": 1.0}


def test_a_store_that_was_interrupted_between_record_and_file_heals(tmp_path: Path) -> None:
    store, one = Store(tmp_path), page("chapters/one", "print(1)")
    store.add(one, "a", executed(one, "first"), 1.0, 1.0)
    (tmp_path / "executed" / store.code_hash(one) / "base.ipynb").unlink()
    assert store.fetch(one, "a").cells[0].outputs[0].text == "first"
    store._drop(store.code_hash(one))
    (tmp_path / "executed" / store.code_hash(one)).mkdir(parents=True, exist_ok=True)
    (tmp_path / "executed" / store.code_hash(one) / "base.ipynb").write_text("", encoding="utf-8")
    assert store.fetch(one, "a").cells[0].outputs[0].text == "first"
    assert store.fetch(one, "other") is None


def test_header_and_alt_texts_of_a_page_may_change_without_a_run(tmp_path: Path) -> None:
    store, one = Store(tmp_path), page("chapters/one", "print(1)")
    store.add(one, "a", executed(one, "first"), 1.0, 1.0)
    del one.notebook.metadata["kernelspec"]
    assert store.fetch(one, "a").cells[0].outputs[0].text == "first"
    one.notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python"}
    one.notebook.cells[0].metadata["mystnb"] = {"image": {"alt": "Another text."}}
    assert store.fetch(one, "a").cells[0].outputs[0].text == "first"


def test_only_the_latest_versions_are_kept(tmp_path: Path) -> None:
    store, one = Store(tmp_path), page("chapters/one", "print(1)")
    for number in range(KEPT + 2):
        store.add(one, f"key{number}", executed(one, str(number)), 1.0, 1.0)
    assert len(list(store.archive.glob("*.ipynb"))) == KEPT
    assert not store.has(one, "key0")


def test_a_damaged_archive_is_the_same_as_none(tmp_path: Path) -> None:
    store, one = Store(tmp_path), page("chapters/one", "print(1)")
    store.add(one, "a", executed(one, "first"), 1.0, 1.0)
    store.add(one, "b", executed(one, "second"), 1.0, 1.0)
    (store.archive / "a.ipynb").write_text('{"cells": [', encoding="utf-8")
    assert not store.has(one, "a")


def test_two_pages_with_the_same_code_are_refused(tmp_path: Path) -> None:
    store, one, two = Store(tmp_path), page("one", "print(1)"), page("two", "print(1)")
    for made in (one, two):
        made.path = tmp_path / f"{made.document}.md"
        made.path.touch()
    store.add(one, "a", executed(one, "first"), 1.0, 1.0)
    with pytest.raises(BookError, match=r"two\.md and one\.md have exactly the same code"):
        store.add(two, "b", executed(two, "second"), 1.0, 1.0)


def test_a_page_runs_in_its_folder_and_is_timed(tmp_path: Path) -> None:
    done = run_page(
        "p", str(tmp_path), nbformat.writes(page("p", "import os", "print(os.getcwd())").notebook)
    )
    assert done.failure == ""
    assert done.notebook.cells[1].outputs[0].text.strip() == str(tmp_path)
    assert 0 < done.seconds < 60


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["x = 1", "x / 0"], ["code cell 2 failed", "x / 0", "ZeroDivisionError"]),
        (["import sys", "print('careful', file=sys.stderr)"], ["code cell 2 wrote to stderr", "careful"]),
        (["import warnings", "warnings.warn('old')"], ["code cell 2 wrote to stderr", "UserWarning: old"]),
        (["import os", "os._exit(1)"], ["code cell 2 failed", "os._exit(1)", "DeadKernelError"]),
    ],
    ids=["error", "stderr", "warning", "kernel dies"],
)
def test_a_failure_names_the_cell_and_the_reason(tmp_path: Path, cells: list[str], says: list[str]) -> None:
    done = run_page("p", str(tmp_path), nbformat.writes(page("p", *cells).notebook))
    for text in says:
        assert text in done.failure
