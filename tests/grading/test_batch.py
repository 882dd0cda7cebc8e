"""A class is graded: everybody is, nobody twice, and the gradebook is what nbgrader itself would write."""

import csv
import html
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbgrader.api import Gradebook

from course_lib.grading.course import convert, load_config
from course_lib.grading.regions import HIDDEN, collapse, lines

ROOT = Path(__file__).parents[2]
WRONG = {"double": "def double(x):\n    return 3 * x"}
SCRIPT = "<script>steal()</script>"
SHOW_SCRIPT = f"from IPython.display import HTML\nHTML({SCRIPT!r})"


def hand_in(toy, root):
    toy.submit(root, "reference")
    toy.submit(root, "bo.broken", text='{"cells": [')
    (root / "submitted" / "nora" / toy.name).mkdir(parents=True)
    untouched = toy.notebook(
        {
            "double": "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()",
            "scale": "class Scale(torch.nn.Module):\n    # YOUR CODE HERE\n    raise NotImplementedError()",
            "written": "YOUR ANSWER HERE",
        }
    )
    toy.submit(root, "untouched", text=nbformat.writes(untouched))
    toy.submit(root, "wrong", WRONG)
    toy.submit(root, "李雷", extras=["print('你好')"])
    toy.submit(root, "thief", {"written": f"{SCRIPT} <img src=x onerror='steal()'>"}, extras=[SHOW_SCRIPT])


def grade(root, *options):
    command = [sys.executable, "-m", "course_lib.grading.cli", "grade", "toy", "--course", str(root)]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False)


def scores(root, db=None):
    """student -> (points, whether something waits to be graded by hand)."""
    with Gradebook(db or f"sqlite:///{root}/gradebook.db") as gradebook:
        found = gradebook.assignment_submissions("toy")
        return {s.student.id: (s.score, s.needs_manual_grade) for s in found}


def rows(root):
    """Everything that the gradebook holds about grades and comments, without ids and times."""
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        return {
            (s.student.id, kind, entry.name): (
                (entry.auto_score, entry.manual_score, entry.needs_manual_grade, entry.max_score)
                if kind == "grade"
                else (entry.auto_comment, entry.manual_comment)
            )
            for s in gradebook.assignment_submissions("toy")
            for kind, entries in (("grade", s.notebooks[0].grades), ("comment", s.notebooks[0].comments))
            for entry in entries
        }


def by_hand(root, student, points):
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        written = gradebook.find_grade("written", "toy", "toy", student)
        written.manual_score, written.needs_manual_grade = points, False
        gradebook.db.commit()


def page_of(root, student):
    return (root / "feedback" / student / "toy" / "toy.html").read_text("utf-8")


def words_of(root, student):
    text = re.sub(r"<(style).*?</\1>|<[^>]+>", "", page_of(root, student), flags=re.DOTALL)
    return collapse(html.unescape(text))


@pytest.fixture(scope="module")
def course(toy, walled, tmp_path_factory):
    root = toy.course(tmp_path_factory.mktemp("course"))
    hand_in(toy, root)
    first = grade(root, "--csv", str(root / "grades.csv"))
    after_first = scores(root) if first.returncode == 0 else {}
    by_hand(root, "reference", 1.5)
    return SimpleNamespace(root=root, first=first, scores=after_first, second=grade(root))


def test_everybody_gets_what_they_earned(course):
    assert course.first.returncode == 0, course.first.stderr
    assert course.scores == {
        "reference": (7, True),
        "thief": (7, True),
        "untouched": (0, True),
        "wrong": (4, True),
        "李雷": (7, True),
    }


def test_broken_and_missing_notebooks_are_named_and_stop_nobody(course):
    assert re.search(r"bo.broken +.*not valid JSON", course.first.stdout)
    assert re.search(r"nora +.*no toy.ipynb", course.first.stdout)
    assert "2 broken" in course.first.stdout
    assert "Traceback" not in course.first.stdout + course.first.stderr


def test_the_table_is_written_as_csv(course):
    with open(course.root / "grades.csv", encoding="utf-8-sig", newline="") as file:
        table = {row["student"]: row for row in csv.DictReader(file)}
    assert len(table) == 7
    assert float(table["wrong"]["points"]) == 4


def test_feedback_tells_what_failed_and_shows_no_hidden_test(course):
    source = nbformat.read(course.root / "solutions" / "toy" / "toy.ipynb", as_version=4)
    hidden = {
        collapse(line.text)
        for cell in source.cells
        for line in lines(cell.source)
        if line.kind == HIDDEN and len(line.text.strip()) > 5
    }
    for student in course.scores:
        text = words_of(course.root, student)
        assert [line for line in hidden if line in text] == [], student
        assert "secret" not in page_of(course.root, student)
    assert "Hint: double is off for other numbers." in words_of(course.root, "wrong")
    assert "double returned tensor([3., 3.])" in words_of(course.root, "wrong")


def test_scripts_in_a_submission_run_neither_in_feedback_nor_in_what_the_instructor_opens(course):
    path = course.root / "autograded" / "thief" / "toy" / "toy.ipynb"
    shown = [
        str(cell.get("outputs", cell.source))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type != "code" or cell.outputs
    ]
    for text in (page_of(course.root, "thief"), *shown):
        assert "<script>steal" not in text
        assert not re.search(r"<[^>]*onerror", text)


def test_unchanged_submissions_are_not_run_again_and_points_given_by_hand_stay(course):
    assert course.second.returncode == 0
    assert "5 of them unchanged" in course.second.stdout
    assert scores(course.root)["reference"] == (8.5, False)
    assert "8.5" in words_of(course.root, "reference")


def test_nothing_is_left_lying_about_and_the_submissions_are_as_they_were(course):
    assert [p.name for p in (course.root / ".cache").iterdir()] in ([], ["grading.lock"])
    made = {p.name for p in course.root.iterdir()} - {"grades.csv"}
    assert made == {".cache", "autograded", "feedback", "gradebook.db", "solutions", "submitted"}
    assert [p.name for p in (course.root / "submitted" / "李雷" / "toy").iterdir()] == ["toy.ipynb"]


def test_the_gradebook_is_the_one_that_nbgraders_own_autograde_writes(course, toy, tmp_path):
    from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback

    root = toy.course(tmp_path)
    for student in course.scores:
        shutil.copytree(course.root / "submitted" / student, root / "submitted" / student)
    config = load_config(ROOT / "nbgrader_config.py", root)
    convert(GenerateAssignment, config, "toy")
    for student in course.scores:
        convert(Autograde, config, "toy", student)
    by_hand(root, "reference", 1.5)
    convert(GenerateFeedback, config, "toy")
    assert rows(root) == rows(course.root)
    for student in course.scores:
        ours, theirs = (
            nbformat.read(folder / "autograded" / student / "toy" / "toy.ipynb", as_version=4)
            for folder in (course.root, root)
        )
        assert [(c.source, c.get("outputs")) for c in ours.cells] == [
            (c.source, c.get("outputs")) for c in theirs.cells
        ]
        assert page_of(course.root, student) == page_of(root, student)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--student", "nobody"], "no submitted/nobody/toy/"),
        (["--student", "../x"], "no submitted/../x/toy/"),
    ],
)
def test_an_unknown_student_is_one_clear_line(course, options, said):
    run = grade(course.root, *options)
    assert run.returncode == 2
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_cells_added_after_the_first_submission_are_refused_in_words(course, tmp_path):
    root = Path(shutil.copytree(course.root, tmp_path / "course"))
    path = root / "solutions" / "toy" / "toy.ipynb"
    nb = nbformat.read(path, as_version=4)
    extra = nbformat.v4.new_code_cell("assert True", id="extra-test")
    extra.metadata["nbgrader"] = {
        **nb.cells[3].metadata.nbgrader,
        "grade": True,
        "points": 1,
        "grade_id": "extra-test",
    }
    nb.cells.append(extra)
    path.write_text(nbformat.writes(nb), "utf-8")
    run = grade(root)
    assert run.returncode == 1
    assert "already holds submissions" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_second_run_in_the_same_folder_waits_for_nobody_and_says_so(course):
    from filelock import FileLock

    with FileLock(course.root / ".cache" / "grading.lock"):
        run = grade(course.root)
    assert run.returncode == 1
    assert "another run is grading" in run.stderr


def test_without_a_wall_grading_refuses_and_says_how_to_get_one(toy, tmp_path):
    root = toy.course(tmp_path / "course")
    toy.submit(root, "amelie")
    command = [sys.executable, "-m", "course_lib.grading.cli", "grade", "toy", "--course", str(root)]
    environment = {"PATH": "/nonexistent", "HOME": str(tmp_path)}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 1
    assert "apt install bubblewrap" in run.stderr
    assert not (root / "feedback").exists()
