"""One round of grading through the real tool, in a course folder of its own."""

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

from course_lib.grading.regions import HIDDEN, collapse, lines

ROOT = Path(__file__).parents[2]
SCRIPT = "<script>steal()</script>"


def edit(course, student, changes):
    """Hand in the reference solution with some texts replaced; each must occur."""
    nb = nbformat.read(course / "solutions" / "gelu" / "gelu.ipynb", as_version=4)
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            for old, new in changes.items():
                cell.source = cell.source.replace(old, new)
    folder = course / "submitted" / student / "gelu"
    folder.mkdir(parents=True)
    (folder / "gelu.ipynb").write_text(nbformat.writes(nb), "utf-8")
    return nb


def hand_in(course):
    edit(course, "reference", {})
    edit(course, "bo.broken", {})
    (course / "submitted" / "bo.broken" / "gelu" / "gelu.ipynb").write_text('{"cells": [')
    (course / "submitted" / "nora" / "gelu").mkdir(parents=True)
    (course / "submitted" / "untouched").mkdir()
    shutil.copytree(ROOT / "assignments" / "gelu", course / "submitted" / "untouched" / "gelu")
    warn = "import warnings\n    warnings.warn('careful')\n    print('hello')\n    gate ="
    honest = edit(course, "honest", {"gate =": warn})
    copies = [
        nbformat.from_dict(dict(c)) for c in honest.cells if c.metadata.get("nbgrader", {}).get("grade")
    ]
    for number, copy in enumerate(copies):
        copy["id"] = f"copy-{number}"
    honest.cells += copies
    (course / "submitted" / "honest" / "gelu" / "gelu.ipynb").write_text(nbformat.writes(honest), "utf-8")
    library = "gate = torch.nn.functional.gelu(x)\n    return gate"
    edit(
        course,
        "wrong",
        {"gate =": library + "\n    gate =", "x * 1.702": "x * 1.8", "all(dim=0)": "all(dim=1)"},
    )
    thief = edit(course, "thief", {"gate =": "print('inputs', x.shape)\n    gate ="})
    thief.cells.append(nbformat.v4.new_code_cell("print('\\n'.join(In))"))
    thief.cells.append(nbformat.v4.new_markdown_cell(f"{SCRIPT} <img src=x onerror='steal()'>"))
    thief.cells.append(nbformat.v4.new_code_cell(f"from IPython.display import HTML\nHTML({SCRIPT!r})"))
    (course / "submitted" / "thief" / "gelu" / "gelu.ipynb").write_text(nbformat.writes(thief), "utf-8")


def grade(course, *options):
    command = [
        sys.executable,
        str(ROOT / "tools" / "grade.py"),
        "--course",
        str(course),
        "--assignment",
        "gelu",
    ]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False)


def scores(course):
    """student -> (points, whether something waits to be graded by hand)."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        found = gradebook.assignment_submissions("gelu")
        return {s.student.id: (s.score, s.needs_manual_grade) for s in found}


def grade_by_hand(course, student, points):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        written = gradebook.find_grade("written_answer", "gelu", "gelu", student)
        written.manual_score, written.needs_manual_grade = points, False
        gradebook.db.commit()


def feedback(course, student):
    """The words of a student's feedback page."""
    text = (course / "feedback" / student / "gelu" / "gelu.html").read_text("utf-8")
    return collapse(html.unescape(re.sub(r"<(script|style).*?</\1>|<[^>]+>", "", text, flags=re.DOTALL)))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "solutions" / "gelu", root / "solutions" / "gelu")
    hand_in(root)
    first = grade(root)
    after_first = scores(root) if first.returncode == 0 else {}
    grade_by_hand(root, "reference", 2.5)
    return SimpleNamespace(root=root, first=first, scores=after_first, second=grade(root))


def row(run, student):
    return next(line for line in run.stdout.splitlines() if line.startswith(student))


def test_grading_succeeds_and_warns_that_nothing_is_isolated(course):
    assert course.first.returncode == 0, course.first.stderr
    assert "WITHOUT isolation" in course.first.stderr
    assert len(course.first.stderr.splitlines()) == 3, "only the warning belongs on stderr"


def test_the_reference_solution_gets_full_marks_for_everything_a_machine_grades(course):
    assert course.scores["reference"] == (12, True)
    assert re.search(r"12 of 15 +1 to do +graded$", row(course.first, "reference"))


def test_the_untouched_student_version_gets_nothing_and_its_written_answer_waits_for_a_person(course):
    assert course.scores["untouched"] == (0, True)


def test_warnings_and_duplicated_cells_cost_an_honest_student_nothing(course):
    assert course.scores["honest"] == (12, True)


def test_wrong_answers_and_library_calls_lose_their_points_and_only_those(course):
    # gelu_exact calls the library: 0 of 3; sigmoid: 0 of 1, and 0 of 2 with tanh; dead_share: 0 of 2
    assert course.scores["wrong"] == (1 + 3, True)


def test_broken_and_missing_notebooks_are_reported_and_stop_nobody(course):
    assert re.search(r"BROKEN: gelu.ipynb is not valid JSON", row(course.first, "bo.broken"))
    assert re.search(r"BROKEN: no gelu.ipynb", row(course.first, "nora"))
    assert "5 graded (0 of them unchanged), 2 broken." in course.first.stdout
    assert set(course.scores) == {"reference", "untouched", "honest", "wrong", "thief"}


def test_feedback_tells_what_failed_and_shows_no_hidden_test(course):
    source = nbformat.read(course.root / "solutions" / "gelu" / "gelu.ipynb", as_version=4)
    hidden = {
        collapse(line.text)
        for cell in source.cells
        for line in lines(cell.source)
        if line.kind == HIDDEN and len(line.text.strip()) > 5
    }
    for student in course.scores:
        page = feedback(course.root, student)
        assert [line for line in hidden if line in page and '"' not in line] == [], student
        assert "HIDDEN TESTS" not in page
        assert "inputs torch.Size([2, 3, 5])" not in page
    page = feedback(course.root, "wrong")
    assert "Hint: gelu_exact has to be your own formula." in page
    assert "gelu_sigmoid(-3) is -0.01" in page
    assert "go down each column" in page


def test_scripts_in_a_submission_do_not_run_in_its_feedback(course):
    page = (course.root / "feedback" / "thief" / "gelu" / "gelu.html").read_text("utf-8")
    assert "steal()" in page, "the text itself may stay"
    assert SCRIPT not in page
    assert not re.search(r"<[^>]*onerror", page)


def test_unchanged_submissions_are_not_run_again_and_points_given_by_hand_stay(course):
    assert course.second.returncode == 0
    assert re.search(r"14.5 of 15 +- +unchanged$", row(course.second, "reference"))
    assert scores(course.root)["reference"] == (14.5, False)
    assert "Score: 14.5 / 15.0" in feedback(course.root, "reference")


def test_nothing_is_left_lying_about_and_the_submissions_are_as_they_were(course):
    assert list((course.root / ".cache").iterdir()) == []
    made = {p.name for p in course.root.iterdir()}
    assert made == {".cache", "autograded", "feedback", "gradebook.db", "solutions", "submitted"}
    assert [p.name for p in (course.root / "submitted" / "honest" / "gelu").iterdir()] == ["gelu.ipynb"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--student", "nobody"], "no submitted/nobody/gelu/"),
        (["--assignment", "gleu"], "which assignment: gelu"),
    ],
)
def test_an_unknown_student_or_assignment_is_one_clear_line(course, options, said):
    run = grade(course.root, *options)
    assert run.returncode == 2
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_cells_added_after_the_first_submission_are_refused_in_words(course, tmp_path):
    root = Path(shutil.copytree(course.root, tmp_path / "course"))
    path = root / "solutions" / "gelu" / "gelu.ipynb"
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
