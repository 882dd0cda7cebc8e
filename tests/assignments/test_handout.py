"""What students get: complete enough to work with, and without anything that is not theirs."""

import hashlib
import importlib.util
import io
import itertools
import json
import subprocess
import sys
import zipfile
from pathlib import Path, PureWindowsPath

import nbformat
import numpy
import pytest
import yaml
from nbgrader.validator import Validator
from traitlets.config import Config

from course_lib.grading.handout import HandoutError, build, students_makefile, windows_problems
from course_lib.grading.regions import collapse, lines
from course_lib.grading.secrets import collect, leaks

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
        "start.py",
        "launcher/command.py",
        "Makefile",
        "pyproject.toml",
        "constraints.txt",
        "tools/setup.sh",
        "README.md",
        ".jupyter/nbgrader_config.py",
        ".jupyter/labconfig/page_config.json",
        "LICENSE",
        ".jupyter/labconfig/default_setting_overrides.json",
    ):
        assert (handout / name).is_file(), name


def test_it_holds_no_solution_no_grading_and_no_history(handout):
    names = [p.relative_to(handout).as_posix() for p in handout.rglob("*")]
    for part in (
        "solutions",
        "grading",
        ".git/",
        "submitted",
        "gradebook",
        "instructors",
        "tests/assignments",
    ):
        assert [name for name in names if part in name] == [], part
    assert "nbgrader_config.py" not in names
    for tool in ("release", "grade", "student"):
        assert f"tools/{tool}.py" not in names


def everything_in(archive):
    """Each file of a zip, those in its archives too: its place and its bytes. Not the package's own code."""
    with zipfile.ZipFile(archive) as packed:
        for name in packed.namelist():
            data = packed.read(name)
            yield name, data
            if data[:4] == b"PK\x03\x04":
                yield from ((f"{name}/{part}", inner) for part, inner in everything_in(io.BytesIO(data)))


def test_the_zip_shows_no_two_lines_of_a_hidden_test_or_a_solution(handout):
    """Two lines after each other, without the checker that the package itself uses."""
    secret = set()
    for path in (ROOT / "solutions").glob("*/*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            parts = [line for line in lines(cell.source) if line.text.strip()]
            for first, second in itertools.pairwise(parts):
                text = collapse(first.text + " " + second.text)
                if first.kind and second.kind and not first.is_delimiter and not second.is_delimiter:
                    secret |= {text} if len(text) > 60 else set()
    assert len(secret) > 50
    for name, data in everything_in(handout.with_suffix(".zip")):
        text = collapse(data.decode("utf-8", errors="replace").replace("\\n", " ").replace('\\"', '"'))
        text = collapse(text.replace('", "', ""))  # a notebook keeps its lines as a list
        assert [line for line in secret if line in text] == [], name
        assert "Model answer" not in text, name


def test_the_zip_holds_no_file_of_the_instructors(handout):
    """By their bytes: data of hidden tests (also inside archives), wrong and right answers, the grading."""
    own = {}
    for top in ("solutions", "tests/assignments", "tests/grading", "course_lib/grading"):
        for path in (ROOT / top).rglob("*"):
            if path.is_file() and not {"data", "__pycache__"} & set(path.parts) and path.stat().st_size > 64:
                own[hashlib.sha256(path.read_bytes()).hexdigest()] = path
                if path.suffix == ".npz":
                    own |= {
                        hashlib.sha256(data).hexdigest(): f"{path}/{name}"
                        for name, data in everything_in(path)
                    }
    assert len(own) > 20
    for name, data in everything_in(handout.with_suffix(".zip")):
        assert hashlib.sha256(data).hexdigest() not in own, (name, own[hashlib.sha256(data).hexdigest()])


def npz(**arrays):
    buffer = io.BytesIO()
    numpy.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def zipped(name, data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def course_with_secrets(tmp_path):
    """A course with one assignment, hidden data, an answer for the grader's tests, and a library."""
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                "### BEGIN SOLUTION\nanswer = forty_two(thing) + 1\n"
                "if answer:\n    shared = library.of(everything, answer)\n### END SOLUTION",
                metadata={"nbgrader": {"solution": True, "grade_id": "a"}},
            ),
            nbformat.v4.new_code_cell(
                '### BEGIN HIDDEN TESTS\nassert "wide" == thing\n### END HIDDEN TESTS',
                metadata={"nbgrader": {"grade": True, "grade_id": "t"}},
            ),
        ]
    )
    files = {
        "solutions/x/x.ipynb": nbformat.writes(notebook).encode(),
        "solutions/x/data/given.npy": b"given to students" * 9,
        "solutions/x/hidden/truth.npz": npz(truth=numpy.arange(99), other=numpy.ones(50)),
        "tests/assignments/x/wrong/sign.py": b"\n".join(
            b"value_%d = something_long - other" % i for i in range(4)
        ),
        "course_lib/grading/wall.py": b"# the wall that keeps the students' code in, and nothing else\n" * 3,
        "course_lib/things.py": b"shared = library.of(everything)\n",
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path, files


def leak_of(course_with_secrets, name, data):
    return leaks(name, data, collect(course_with_secrets[0]))


def test_a_secret_is_found_wherever_it_hides(course_with_secrets):
    files = course_with_secrets[1]
    hidden = b'assert "wide" == thing'
    as_list = json.dumps({"cells": [{"source": ["x\n", '  assert  "wide" ==', " thing\n"]}]}).encode()
    for name, data in {
        "page.md": b"Look:\n\n    " + hidden,
        "code.py": b"answer =  forty_two(thing) + 1\nif answer:\n\n  shared = library.of(everything, answer)",
        "notebook.ipynb": json.dumps({"cells": [{"outputs": [{"text": hidden.decode()}]}]}).encode(),
        "lines.ipynb": as_list,
        "escaped.json": json.dumps({"a": hidden.decode().replace("w", "\\u0077")})
        .replace("\\\\u", "\\u")
        .encode(),
        "wide.txt": hidden.decode().encode("utf-16"),
        "a.zip": zipped("b.zip", zipped("c.md", hidden * 20)),
        "copy.npz": files["solutions/x/hidden/truth.npz"],
        "part.npz": npz(renamed=numpy.arange(99)),
        "note.py": b"# mine\n" + files["tests/assignments/x/wrong/sign.py"],
        "wall.txt": files["course_lib/grading/wall.py"],
        "delimiter.md": b"### BEGIN HIDDEN TESTS",
    }.items():
        assert leak_of(course_with_secrets, name, data), name


def test_what_students_may_have_is_no_leak(course_with_secrets):
    for name, data in {
        "given.npy": course_with_secrets[1]["solutions/x/data/given.npy"],
        "library.py": b"shared = library.of(everything)\n",
        "one.py": b"value_1 = something_long - other\nanswer = forty_two(thing) + 1\n",
        "empty.npz": npz(a=numpy.arange(3)),
        "broken.zip": b"PK\x03\x04 not really",
        "broken.json": b"{",
    }.items():
        assert leak_of(course_with_secrets, name, data) == [], name


def test_every_path_of_the_zip_unpacks_on_windows(handout):
    with zipfile.ZipFile(handout.with_suffix(".zip")) as packed:
        names = packed.namelist()
        assert all(entry.flag_bits & 0x800 or entry.filename.isascii() for entry in packed.infolist())
    assert windows_problems(names) == []
    for name in names:
        assert not name.startswith("/")
        assert ".." not in name.split("/")
        assert len(str(PureWindowsPath("C:/Users/a-long-user-name/Documents/nlp") / name)) < 200


@pytest.mark.parametrize(
    "names",
    [
        ["a:b.md"],
        ["chapters/what?.md"],
        ["aux.py"],
        ["x/NUL"],
        ["x/com1.tar.gz"],
        ["ends./x"],
        ["ends "],
        ["x" * 141],
        ["A.md", "a.md"],
        ["back\\slash"],
    ],
)
def test_a_path_that_windows_cannot_have_stops_the_package(names):
    assert len(windows_problems(names)) == 1
    assert windows_problems(["console/auxiliary.py", "chapters/00-start/a b.md", "中文.md"]) == []


def test_the_first_page_names_two_commands_that_need_neither_make_nor_git(handout):
    text = (handout / "README.md").read_text("utf-8")
    commands = [line.split("#")[0].strip() for line in text.split("```")[1].splitlines()[1:]]
    assert commands == ["python start.py", "python start.py --check"]


def test_students_see_no_grading_tools_in_jupyterlab_and_validate_uses_the_courses_words(handout):
    settings = (handout / ".jupyter" / "nbgrader_config.py").read_text("utf-8")
    config = Config()
    before = Validator.validate
    try:
        exec(settings, {"get_config": lambda: config})
        assert Validator.validate is not before
    finally:
        Validator.validate = before
    ours = (ROOT / "nbgrader_config.py").read_text("utf-8")
    assert f'course_id = "{config.CourseDirectory.course_id}"' in ours
    page = json.loads((handout / ".jupyter" / "labconfig" / "page_config.json").read_text("utf-8"))
    assert "@jupyter/nbgrader:formgrader" in page["disabledExtensions"]
    assert "@jupyter/nbgrader:validate-assignment" not in page["disabledExtensions"]


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
    assert "JOBS" not in text
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
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = listing.stdout.split("\n")[:-1]
    for place in ("one", "two"):
        build(ROOT, tracked, tmp_path / place / "student")
    first, second = ((tmp_path / place / "student.zip").read_bytes() for place in ("one", "two"))
    assert first == second


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ('Look:\n\n    assert "wide" == thing\n', "leak.md: shows 'assert"),
        ("### BEGIN SOLUTION\n", "shows the delimiter"),
        ("See [](instructors).\n", "links to the instructors' page"),
    ],
)
def test_a_page_that_gives_something_away_stops_the_package_and_the_old_one_stays(
    course_with_secrets, tmp_path_factory, page, said
):
    root, into = course_with_secrets[0], tmp_path_factory.mktemp("dist")
    (root / "course_lib" / "systems.yml").write_text("[]")
    (root / "chapters").mkdir()
    (root / "chapters" / "leak.md").write_text("Nothing here.\n")
    tracked = ["chapters/leak.md", "solutions/x/x.ipynb"]
    assert build(root, tracked, into / "student") == 1
    (root / "chapters" / "leak.md").write_text(page)
    with pytest.raises(HandoutError, match=said):
        build(root, tracked, into / "student")
    assert (into / "student" / "chapters" / "leak.md").read_text() == "Nothing here.\n"
    assert sorted(p.name for p in into.iterdir()) == ["student", "student.zip"]


def test_the_students_library_works_without_the_grading(handout):
    code = "import course_lib, importlib.util as u; assert u.find_spec('course_lib.nn.activations')"
    subprocess.run([sys.executable, "-c", code], cwd=handout, check=True)
    assert importlib.util.find_spec("course_lib.grading") is not None  # here it exists
    for path in (handout / "course_lib").rglob("*.py"):
        assert "course_lib.grading" not in path.read_text("utf-8"), path
