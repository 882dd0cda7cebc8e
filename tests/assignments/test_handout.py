"""What students get: complete enough to work with, and without anything that is not theirs."""

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml

from course_lib.grading.handout import HandoutError, build, students_makefile
from course_lib.grading.regions import collapse, lines

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    target = tmp_path_factory.mktemp("dist") / "student"
    command = [sys.executable, str(ROOT / "tools" / "student.py"), "--into", str(target)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "no leak found" in run.stdout
    return target


def test_it_holds_the_assignment_the_library_the_chapters_and_the_way_to_start(handout):
    for name in (
        "assignments/gelu/gelu.ipynb",
        "course_lib/nn/__init__.py",
        "chapters/index.md",
        "Makefile",
        "pyproject.toml",
        "tools/setup.sh",
        "README.md",
        "LICENSE",
        ".jupyter/labconfig/default_setting_overrides.json",
    ):
        assert (handout / name).is_file(), name


def test_it_holds_no_solution_no_grading_and_no_history(handout):
    names = [p.relative_to(handout).as_posix() for p in handout.rglob("*")]
    for part in ("solutions", "grading", ".git/", "submitted", "gradebook", "nbgrader_config", "instructors"):
        assert [name for name in names if part in name] == [], part
    for tool in ("release", "grade", "student"):
        assert f"tools/{tool}.py" not in names


def test_no_file_shows_a_line_of_a_solution_or_hidden_test(handout):
    """Line by line, without the checker that the package itself uses."""
    source = nbformat.read(ROOT / "solutions" / "gelu" / "gelu.ipynb", as_version=4)
    secret = {
        text
        for cell in source.cells
        for line in lines(cell.source)
        if line.kind
        and not line.is_delimiter
        and len(text := collapse(line.text)) > 20
        and "import" not in text
    }
    assert len(secret) > 20
    for path in handout.rglob("*"):
        if path.is_file():
            text = collapse(path.read_text("utf-8", errors="replace").replace('\\"', '"'))
            assert [line for line in secret if line in text] == [], path
            assert "Model answer" not in text, path


def test_the_book_is_told_of_no_page_that_is_missing(handout):
    listing = subprocess.run(
        ["git", "ls-files", "chapters"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    toc = yaml.safe_load((handout / "_toc.yml").read_text("utf-8"))
    for page in (chapter["file"] for part in toc["parts"] for chapter in part["chapters"]):
        if f"{page}.md" in listing.stdout.split():
            assert (handout / f"{page}.md").is_file(), page
    assert "instructors" not in (handout / "_toc.yml").read_text("utf-8")


def test_the_makefile_offers_what_students_can_run_and_make_understands_it(handout):
    text = (handout / "Makefile").read_text("utf-8")
    assert "ASSIGNMENT" not in text
    for target in ("release", "grade", "student", "test"):
        assert f"\n{target}:" not in text
    run = subprocess.run(["make", "-C", str(handout), "help"], capture_output=True, text=True, check=True)
    assert "make lab" in run.stdout
    assert "make grade" not in run.stdout


def test_an_instructors_target_goes_with_its_recipe_and_nothing_else():
    text = "a: b ## x\n\t@one\n\ngrade: b ## y\n\t@two\n\t@three\n\nz: ## q\n\t@four\n"
    assert students_makefile(text) == "a: b ## x\n\t@one\n\nz: ## q\n\t@four\n"


def test_the_zip_is_the_folder_and_the_same_each_time(handout, tmp_path):
    archive = handout.with_suffix(".zip")
    with zipfile.ZipFile(archive) as packed:
        names = {name.removeprefix("student/") for name in packed.namelist()}
    assert names == {p.relative_to(handout).as_posix() for p in handout.rglob("*") if p.is_file()}
    tracked = [name for name in names if name not in ("README.md",)]
    for place in ("one", "two"):
        build(ROOT, tracked, tmp_path / place / "student")
    first, second = ((tmp_path / place / "student.zip").read_bytes() for place in ("one", "two"))
    assert first == second


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("Look:\n\n    wide = torch.full((2, 5), -1.0)\n", "leak.md: shows 'wide ="),
        ("### BEGIN SOLUTION\n", "shows the delimiter"),
        ("See [](instructors).\n", "links to the instructors' page"),
    ],
)
def test_a_page_that_gives_something_away_stops_the_package_and_the_old_one_stays(tmp_path, page, said):
    root = tmp_path / "course"
    shutil.copytree(ROOT / "solutions", root / "solutions")
    (root / "course_lib").mkdir()
    (root / "course_lib" / "systems.yml").write_text("[]")
    (root / "chapters").mkdir()
    (root / "chapters" / "leak.md").write_text("Nothing here.\n")
    tracked = ["chapters/leak.md", "solutions/gelu/gelu.ipynb"]
    assert build(root, tracked, tmp_path / "dist" / "student") == 2
    (root / "chapters" / "leak.md").write_text(page)
    with pytest.raises(HandoutError, match=said):
        build(root, tracked, tmp_path / "dist" / "student")
    assert (tmp_path / "dist" / "student" / "chapters" / "leak.md").read_text() == "Nothing here.\n"
    assert sorted(p.name for p in (tmp_path / "dist").iterdir()) == ["student", "student.zip"]


def test_the_students_library_works_without_the_grading(handout):
    code = "import course_lib, importlib.util as u; assert u.find_spec('course_lib.nn.activations')"
    subprocess.run([sys.executable, "-c", code], cwd=handout, check=True)
    assert importlib.util.find_spec("course_lib.grading") is not None  # here it exists
    for path in (handout / "course_lib").rglob("*.py"):
        assert "course_lib.grading" not in path.read_text("utf-8"), path
