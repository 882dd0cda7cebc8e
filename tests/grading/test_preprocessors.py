"""The executing step: a time budget for the whole notebook, and only errors cost points."""

import time

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.utils import determine_grade

from course_lib.grading.preprocessors import ExecuteTrusted


def test_cell(name, source):
    cell = new_code_cell(source)
    cell.metadata["nbgrader"] = {
        "grade": True,
        "solution": False,
        "locked": True,
        "grade_id": name,
        "points": 3,
    }
    return cell


test_cell.__test__ = False


def run(cells, tmp_path, **settings):
    nb = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    step = ExecuteTrusted(shutdown_kernel="immediate", extra_arguments=["--log-level=ERROR"], **settings)
    step.preprocess(nb, {"metadata": {"path": str(tmp_path)}})
    return nb.cells


def test_warnings_and_displayed_values_cost_and_give_no_points(tmp_path):
    warns = "import sys, warnings\nwarnings.warn('careful')\nprint('bar', file=sys.stderr)"
    cells = [
        test_cell("warns", warns),
        test_cell("shows", "1"),
        test_cell("hook", "sys.displayhook('x')\nassert 0"),
        test_cell("fails", "assert False, 'no'"),
    ]
    assert [determine_grade(cell)[0] for cell in run(cells, tmp_path, timeout=20, budget=60)] == [3, 3, 0, 0]


def points(cells):
    return [determine_grade(cell)[0] for cell in cells if "nbgrader" in cell.metadata]


def test_an_endless_loop_costs_only_what_depends_on_it(tmp_path):
    cells = [new_code_cell("while True: pass"), test_cell("after", "pass")]
    done = run(cells, tmp_path, timeout=1, budget=30)
    assert done[0].outputs[-1].output_type == "error"
    assert points(done) == [3]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", "DidNotStop"),
        ("import os; os._exit(0)", "PythonEnded"),
    ],
)
def test_a_hung_or_dead_kernel_keeps_the_points_earned_before(tmp_path, harm, said):
    cells = [
        test_cell("before", "pass"),
        new_code_cell(harm),
        *(test_cell(f"t{i}", "pass") for i in range(9)),
    ]
    start = time.monotonic()
    done = run(cells, tmp_path, timeout=1, budget=60)
    assert time.monotonic() - start < 15
    assert points(done) == [3] + [0] * 9
    assert done[1].outputs[-1].ename == said


def test_the_time_budget_is_for_the_whole_notebook(tmp_path):
    # Sleeping bounds the number from above on any machine; the wide budget leaves a busy one time to begin.
    cells = [test_cell(f"t{i}", "import time; time.sleep(1)") for i in range(9)]
    done = run(cells, tmp_path, timeout=5, budget=5)
    assert 1 <= sum(score == 3 for score in points(done)) <= 5
    assert "longer than 5 seconds" in done[-1].outputs[0].evalue
