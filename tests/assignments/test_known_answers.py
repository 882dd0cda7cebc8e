"""Every assignment, through the real grader: right answers earn everything, wrong ones exactly what they say.

One run gives a matrix (answer x test cell), which is committed; all else is computed from it. After a change
that is meant, `course-grade check NAME --write` writes it anew.
"""

from pathlib import Path

import pytest

from course_lib.grading import known
from course_lib.grading.farm import Farm
from course_lib.grading.plan import grade_id, is_answer, is_test
from course_lib.grading.release import assignments

ROOT = Path(__file__).parents[2]
NAMES = assignments(ROOT)
FIVE = {"position-encoding", "batchnorm-vs-layernorm", "gelu", "semi-supervised-da", "model-fusion"}


@pytest.fixture(scope="module")
def farm(walled):
    with Farm(jobs=1) as made:
        yield made


def test_the_course_has_its_five_assignments():
    assert set(NAMES) == FIVE


@pytest.mark.parametrize("name", NAMES)
def test_every_known_answer_earns_exactly_what_it_declares(name, farm):
    assignment, answers, path = known.load(ROOT, name)
    matrix = {answer.name: result["passed"] for answer, result in known.run_known(assignment, answers, farm)}
    points, hidden = known.points_of(assignment.source), known.hidden_cells(assignment.source)
    assert known.problems(matrix, answers, points, hidden) == []
    assert matrix == known.load_matrix(path)


@pytest.mark.parametrize("name", NAMES)
def test_an_assignment_has_enough_items_and_enough_known_answers(name):
    assignment, answers, _ = known.load(ROOT, name)
    cells = assignment.source.cells
    graded = [c for c in cells if c.metadata.get("nbgrader", {}).get("grade")]
    written = [c for c in graded if is_answer(c)]
    assert 10 <= len(graded) <= 20
    assert written, "a written question"
    assert all("### BEGIN MARK SCHEME" in c.source for c in written), "a rubric"
    assert any(known.HIDDEN in c.source for c in graded if is_test(c))
    assert "chapters/" in "".join(c.source for c in cells if c.cell_type == "markdown"), (
        "a link to its chapters"
    )
    kinds = [answer.name.split("/")[0] for answer in answers]
    assert kinds.count("right") >= 2
    assert kinds.count("wrong") >= 12
    names = {answer.name for answer in answers}
    assert any("/paste_" in name for name in names), "a paste of the library's own function"
    assert any("/call_" in name for name in names), "a call of the library's own function"


@pytest.mark.parametrize("name", NAMES)
def test_the_two_right_answers_are_written_anew_in_every_code_cell(name):
    assignment, answers, _ = known.load(ROOT, name)
    wanted = {grade_id(c) for c in assignment.source.cells if c.cell_type == "code" and is_answer(c)}
    for answer in answers:
        if answer.name.startswith("right/"):
            assert set(answer.cells) == wanted


def answer_of(name, score=None, caught=None):
    return known.Answer(name, {}, score, caught)


def test_a_hidden_cell_that_no_wrong_answer_needs_is_found():
    points = {"public": 1.0, "first": 2.0, "second": 2.0}
    matrix = {
        "reference": dict.fromkeys(points, True),
        "wrong/a": {"public": True, "first": False, "second": True},
    }
    answers = [answer_of("reference"), answer_of("wrong/a", 3.0, "first")]
    found = known.problems(matrix, answers, points, {"first", "second"})
    assert found == ["second: earns no place, no wrong answer is told apart by it"]


def test_a_score_or_a_catch_that_is_not_as_declared_is_found():
    points = {"public": 1.0, "first": 2.0}
    matrix = {"reference": {"public": True, "first": False}, "wrong/a": {"public": False, "first": True}}
    found = known.problems(
        matrix, [answer_of("reference"), answer_of("wrong/a", 1.0, "first")], points, set()
    )
    assert found == [
        "reference: earns 1, should earn 3; failed cells: first",
        "wrong/a: earns 2, should earn 1; failed cells: public",
        "wrong/a: is not caught by first",
    ]


def test_a_wrong_answer_must_declare_what_it_earns(tmp_path):
    (tmp_path / "wrong").mkdir()
    path = tmp_path / "wrong" / "a.py"
    path.write_text('"""A."""\n# score: 1\n# cell: double\ndef double(x): ...\n')
    with pytest.raises(ValueError, match="caught by"):
        known.read_answer(path)


def test_the_matrix_is_read_as_it_was_written(tmp_path):
    matrix = {"reference": {"a": True, "b": True}, "wrong/x": {"a": False, "b": True}}
    known.save_matrix(tmp_path / "matrix.json", matrix)
    assert known.load_matrix(tmp_path / "matrix.json") == matrix
