"""A page's outputs are out of date exactly when something they depend on has changed."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_ext"))

from coursebook.pages import BookError, read_page
from coursebook.staleness import Library, page_files, page_key

PAGE = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
course:
  data: [experiments/results/costs.json]
---
# A page

```{code-cell} python
from course_lib.top import answer
from course_lib import lazy
%matplotlib inline
answer()
```
"""
FILES = {
    "chapters/page.md": PAGE,
    "course_lib/__init__.py": "",
    "course_lib/top.py": "from .ground import base\n\ndef answer():\n"
    "    from course_lib.inner.deep import x\n    return x\n",
    "course_lib/ground.py": "base = 1\nNAME = 'words.txt'\n",
    "course_lib/inner/__init__.py": "",
    "course_lib/inner/deep.py": "x = 1\n",
    "course_lib/lazy/__init__.py": "HOME = {'draw': 'course_lib.lazy.draw'}\n",
    "course_lib/lazy/draw.py": "y = 1\n",
    "course_lib/words.txt": "one two\n",
    "course_lib/systems.yml": "- {id: x}\n",
    "course_lib/unrelated.py": "z = 1\n",
    "experiments/results/costs.json": "{}",
    "experiments/results/other.json": "{}",
}  # fmt: skip


@pytest.fixture
def book(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def key(book: Path, versions: str = "torch 1") -> str:
    return page_key(read_page("chapters/page", book), Library(book), versions)


def changes(book: Path, name: str) -> bool:
    """Whether the key changes with a file; whatever happens, undoing the change gives the old key back."""
    before = key(book)
    old = (book / name).read_text(encoding="utf-8")
    (book / name).write_text(old + "# more\n", encoding="utf-8")
    changed = key(book) != before
    (book / name).write_text(old, encoding="utf-8")
    assert key(book) == before
    return changed


@pytest.mark.parametrize(
    "name",
    ["course_lib/top.py", "course_lib/ground.py", "course_lib/inner/deep.py", "course_lib/lazy/draw.py"],
)
def test_an_imported_module_makes_the_page_stale_and_a_revert_does_not(book: Path, name: str) -> None:
    assert changes(book, name)


@pytest.mark.parametrize(
    "name", ["course_lib/unrelated.py", "course_lib/systems.yml", "experiments/results/other.json"]
)
def test_an_unrelated_file_leaves_the_page_alone(book: Path, name: str) -> None:
    assert not changes(book, name)


def test_a_declared_result_makes_the_page_stale(book: Path) -> None:
    assert changes(book, "experiments/results/costs.json")


def test_a_result_loaded_by_name_makes_the_page_stale_though_it_is_not_declared(book: Path) -> None:
    page = book / "chapters/page.md"
    page.write_text(PAGE.replace("answer()\n```", 'load("other")\n```'), encoding="utf-8")
    assert changes(book, "experiments/results/other.json")


def test_a_data_file_that_an_imported_module_names_makes_the_page_stale(book: Path) -> None:
    assert changes(book, "course_lib/words.txt")


def test_code_counts_and_prose_does_not(book: Path) -> None:
    before = key(book)
    page = book / "chapters/page.md"
    page.write_text(PAGE.replace("# A page", "# A page with another title"), encoding="utf-8")
    assert key(book) == before
    page.write_text(PAGE.replace("answer()\n```", "answer(1)\n```"), encoding="utf-8")
    assert key(book) != before


def test_a_main_version_counts(book: Path) -> None:
    assert key(book, "torch 1") != key(book, "torch 2")


def test_a_declared_file_that_is_missing_is_an_error_that_names_page_and_file(book: Path) -> None:
    (book / "experiments/results/costs.json").unlink()
    with pytest.raises(BookError, match=r"chapters/page\.md.*costs\.json"):
        key(book)


def test_a_cell_that_is_not_plain_python_depends_on_the_whole_library(book: Path) -> None:
    page = book / "chapters/page.md"
    page.write_text(PAGE.replace("answer()\n```", "x = !ls\n```"), encoding="utf-8")
    names = {p.name for p in page_files(read_page("chapters/page", book), Library(book))}
    assert "unrelated.py" in names


def test_relative_imports_in_a_package_are_followed(book: Path) -> None:
    (book / "course_lib/inner/__init__.py").write_text("from .deep import x\n", encoding="utf-8")
    (book / "course_lib/inner/deep.py").write_text("from ..unrelated import z as x\n", encoding="utf-8")
    assert changes(book, "course_lib/unrelated.py")
