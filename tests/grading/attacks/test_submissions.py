# ruff: noqa: E501  (an attack reads best on one line)
"""Attacks by what is handed in: metadata, tests, links, times. A class of attackers, and one honest student."""

import copy
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from nbgrader.api import Gradebook

WRONG = "def double(x):\n    return 3 * x"


def meta(cell):
    return cell.get("metadata", {}).get("nbgrader", {})


def named(book, name):
    return next(cell for cell in book["cells"] if meta(cell).get("grade_id") == name)


def edit_tests(book):
    for cell in book["cells"]:
        if meta(cell).get("points"):
            cell["source"] = "assert True"


def more_points(book):
    for cell in book["cells"]:
        if meta(cell):
            meta(cell)["points"] = 1000


def skip(book):
    for cell in book["cells"]:
        cell["metadata"]["tags"] = ["skip-execution", "raises-exception", "remove-cell"]


def delete_tests(book):
    book["cells"] = [c for c in book["cells"] if "hidden" not in meta(c).get("grade_id", "")]


def duplicate_tests(book):
    more = copy.deepcopy(named(book, "hidden_double"))
    more["source"] = "pass"
    book["cells"] += [more, copy.deepcopy(more)]


def answers_become_tests(book):
    for cell in book["cells"]:
        if meta(cell).get("grade"):
            meta(cell).update(solution=True, locked=False, schema_version=1)
            cell["source"] = "pass"


def text_instead(book):
    for cell in book["cells"]:
        if meta(cell).get("grade"):
            cell["cell_type"] = "raw"


def no_metadata(book):
    for cell in book["cells"]:
        cell["metadata"] = {}
    named_double = [c for c in book["cells"] if "def double" in c["source"]]
    named_double[0]["source"] = WRONG


def outputs_ready(book):
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                {"output_type": "stream", "name": "stdout", "text": "<script>alert(1)</script>"}
            ]


def new_refusals(book):
    book["metadata"]["course"] = {"refused": []}
    named(book, "double")["source"] = "def double(x):\n    return torch.lerp(0 * x, x, 2.0)"


EDITS = [edit_tests, more_points, skip, delete_tests, duplicate_tests, answers_become_tests, text_instead, no_metadata,
         outputs_ready, new_refusals]  # fmt: skip
LOST = 3  # points of the two tests of `double`


@pytest.fixture(scope="module")
def run(toy, walled, tmp_path_factory):
    root = toy.course(tmp_path_factory.mktemp("class"))
    toy.submit(root, "honest")
    for edit in EDITS:
        book = json.loads(json.dumps(toy.notebook({"double": WRONG})))
        edit(book)
        toy.submit(root, edit.__name__, text=json.dumps(book))
    solution = root / "solutions" / toy.name / f"{toy.name}.ipynb"
    for name, make in {
        "link": lambda path: path.symlink_to(solution),
        "hard_link": lambda path: os.link(solution, path),
        "pipe": lambda path: os.mkfifo(path),
        "folder": lambda path: path.mkdir(),
    }.items():
        folder = root / "submitted" / name / toy.name
        folder.mkdir(parents=True)
        make(folder / f"{toy.name}.ipynb")
    backdated = toy.submit(root, "backdated", {"double": WRONG})
    (backdated.parent / "timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
    beside = toy.submit(root, "beside", {"double": WRONG})
    for name in ("torch.py", "sitecustomize.py", "ipykernel_launcher.py", "conftest.py"):
        (beside.parent / name).write_text("import os; os._exit(0)")
    (beside.parent / "data").mkdir()
    (beside.parent / "data" / "table.npy").write_bytes(b"not what it was")
    (root / "submitted" / "..evil; touch x").mkdir()
    before = solution.read_bytes()
    command = [sys.executable, "-m", "course_lib.grading.cli", "grade", toy.name, "--course", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        scores = {s.student.id: s.score for s in gradebook.assignment_submissions(toy.name)}
        years = {
            s.student.id: s.timestamp and s.timestamp.year for s in gradebook.assignment_submissions(toy.name)
        }
    return SimpleNamespace(
        root=root,
        said=done.stdout + done.stderr,
        scores=scores,
        years=years,
        same=solution.read_bytes() == before,
    )


def test_the_honest_student_of_the_class_has_full_marks(toy, run):
    assert run.scores["honest"] == toy.full


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edited_notebook_earns_what_its_answers_are_worth(edit, toy, run):
    assert run.scores[edit.__name__] == toy.full - LOST


@pytest.mark.parametrize(
    "student", [e.__name__ for e in EDITS if e not in (outputs_ready, new_refusals, no_metadata)]
)
def test_what_was_edited_is_told(student, run):
    noted = run.said.split("put right before grading")[1].split("incidents:")[0].splitlines()
    (line,) = (line for line in noted if line.split()[:1] == [student])
    assert "restored" in line or "again" in line or "copy" in line


@pytest.mark.parametrize("student", ["link", "hard_link", "pipe", "folder"])
def test_what_is_no_ordinary_file_earns_nothing_and_is_told(student, run):
    assert student not in run.scores
    assert student in run.said


def test_a_time_that_the_student_wrote_is_not_believed(run):
    assert run.years["backdated"] != 1999


def test_files_beside_the_notebook_do_nothing(toy, run):
    assert run.scores["beside"] == toy.full - LOST


def test_the_instructors_own_files_are_as_they_were(run):
    assert run.same
    assert not (run.root / "x").exists()


def test_no_page_that_a_student_gets_has_a_hidden_test_or_a_script(run):
    pages = list(run.root.glob("feedback/*/*/*.html"))
    assert len(pages) >= len(EDITS)
    for page in pages:
        text = page.read_text("utf-8")
        assert "secret_" not in text
        assert "<script>alert" not in text
