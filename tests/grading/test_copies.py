"""Tests of the same functions share a copy of the student's process; that costs and earns nobody a point.

The toy assignment with two more hidden tests of `double`, before and after one of `Scale`.
"""

import contextlib
import json
import time
from dataclasses import replace

import nbformat
import pytest

from course_lib.grading.grade import grade_bytes
from course_lib.grading.proxy import Connection, StudentError
from course_lib.grading.stations import Station
from course_lib.grading.tester import Limits
from course_lib.grading.wall import Wall
from tests.grading.conftest import _cell

MORE = """\
### BEGIN HIDDEN TESTS
assert torch.equal(double(torch.arange(3.0)), torch.tensor([0.0, 2.0, 4.0])), "Hint: double is off."
### END HIDDEN TESTS"""
ADDED = {"double_early", "double_late"}
DOUBLES = {"test_double", "hidden_double", *ADDED}


@pytest.fixture(scope="module")
def longer(assignment):
    """The toy assignment with the tests that are added."""
    notebook = nbformat.from_dict(assignment.source)
    place = next(i for i, c in enumerate(notebook.cells) if c.id == "hidden-double")
    notebook.cells.insert(place, _cell("double_early", MORE, grade=True, locked=True, points=1))
    notebook.cells.append(_cell("double_late", MORE, grade=True, locked=True, points=1))
    return replace(assignment, notebook=nbformat.writes(notebook).encode())


@pytest.fixture(scope="module")
def failed(longer, station):
    """The tests that fail with these answers; `together` as in the notebook's metadata."""

    def run(answers, together=()):
        notebook = nbformat.from_dict(longer.source)
        notebook.metadata.course["together"] = list(together)
        assignment = replace(longer, notebook=nbformat.writes(notebook).encode())
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = answers.get(name, cell.source)
        graded = grade_bytes(json.dumps(notebook).encode(), assignment, station)
        return {name for name, passed in graded.passed.items() if not passed}

    return run


def double(body):
    return {"double": f"seen = []\ndef double(x):\n    seen.append(x)\n    {body}\n    return 2 * x"}


def test_the_reference_passes(failed):
    assert failed({}) == set()


def test_what_one_test_leaves_behind_costs_no_point_in_the_next(failed):
    once = "if len(seen) > 2: raise RuntimeError('worn out')"  # no test calls it more than twice
    assert failed(double(once)) == set()
    assert failed(double("if len(seen) > 2: import os; os._exit(0)")) == set()


def test_a_wrong_answer_fails_every_test_of_its_function_wherever_it_stands(failed):
    assert failed({"double": "def double(x):\n    return 3 * x"}) == DOUBLES


def test_one_function_learns_nothing_from_what_a_hidden_test_gives_another(failed):
    """Where `double` is tested, `Scale` is not, although its test comes later."""
    learned = (
        "class Scale(torch.nn.Module):\n    def __init__(self, factor):\n"
        "        super().__init__(); self.factor, self.calls = factor, 0\n"
        "    def forward(self, x):\n"
        "        self.calls += 1; return x * self.factor if seen else x\n"
        "limit = 0.5"
    )
    answers = double("pass") | {"scale": learned}
    assert failed(answers) == {"hidden_scale"}
    assert failed(answers, together=[["double", "Scale"]]) == set()  # the instructor's word that it may


@pytest.fixture
def worker(walled):
    """A connection to a worker behind a wall of its own."""
    wall = Wall()
    wall.start()
    yield Connection(wall.worker({}), time.monotonic() + 60)
    wall.close()


def test_random_numbers_depend_on_the_test_and_not_on_the_tests_before_it(worker):
    worker.ask("exec", name="draw", source="import torch\ndef draw():\n    return torch.rand(3)")

    def drawn(seed, seconds=0.0):
        assert worker.begin(seed, ["draw"], seconds) == {"draw": "callable"}
        return worker.call("draw", "draw", (), {}).tolist()

    alone = drawn(7, 10.0)
    assert drawn(8) != alone
    assert drawn(7) == alone


MORTAL = """
import os, threading
seen = []
def f(): seen.append(1); return len(seen)
def die_soon(): threading.Timer(0.1, lambda: os._exit(0)).start()
"""


def test_what_is_asked_of_a_copy_that_has_just_ended_is_asked_of_nothing_else(worker):
    """The process that it was copied from neither answers, nor runs the function, nor takes the farewell."""
    worker.ask("exec", name="mortal", source=MORTAL)
    for farewell in (lambda: worker.ask("call", target="f", args=[], kwargs={}, grad=False), worker.end):
        worker.begin(1, ["f"], 10.0)
        worker.call("die_soon", "die_soon", (), {})
        time.sleep(0.5)
        with contextlib.suppress(StudentError):
            farewell()
        worker.begin(2, ["f"], 10.0)
        assert worker.call("f", "f", (), {}) == 1
        worker.end()


def test_a_slow_failure_is_not_tried_again(toy, longer, walled):
    """Or one slow answer would take the time of the others."""
    station = Station(limits=Limits(call=7.0, test=10.0))
    slow = "import time\ndef double(x):\n    time.sleep(20 if x.dim() == 2 else 0)\n    return 2 * x"
    try:
        grade_bytes(json.dumps(toy.notebook()).encode(), longer, station)  # until then it is starting
        graded = grade_bytes(json.dumps(toy.notebook({"double": slow})).encode(), longer, station)
    finally:
        station.close()
    assert {name for name, passed in graded.passed.items() if not passed} == {"hidden_double"}
    assert 7 <= graded.seconds < 13
