"""One value for every question must earn next to nothing: tests that let it through are no tests."""

from pathlib import Path

import pytest

from course_lib.grading.assignment import load_assignment
from course_lib.grading.grade import grade_bytes
from course_lib.grading.known import Answer, notebook_of, points_of
from course_lib.grading.plan import defined_names, grade_id, is_answer
from course_lib.grading.stations import Station
from course_lib.grading.tester import Limits

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.name for path in (ROOT / "solutions").iterdir() if (path / f"{path.name}.ipynb").exists())
SHARE = 0.05  # of the points, at most
VALUES = {
    "nothing": "None",
    "zero": "0",
    "one": "1.0",
    "true": "True",
    "the first argument": "(a[0] if a else next(iter(k.values()), None))",
    "a tensor of nothing": "torch.empty(0)",
    "a tensor like the first argument that is no number": (
        "torch.full_like(a[0], float('nan')) if a and torch.is_tensor(a[0]) and a[0].is_floating_point() "
        "else torch.tensor(float('nan'))"
    ),
    "zeros like the first argument": "a[0] * 0 if a and torch.is_tensor(a[0]) else torch.zeros(1)",
    "an empty array": "np.zeros(0)",
    "an empty list": "[]",
    "itself": "Odd()",
}
HELPER = """
import numpy as np
import torch
class Odd:
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __eq__(self, other): return True
    def __len__(self): return 3
    def __getitem__(self, key): return self
"""


@pytest.fixture(scope="module")
def station(walled):
    made = Station(limits=Limits(cell=6.0, call=3.0, test=4.0, total=30.0))
    yield made
    made.close()


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", NAMES)
def test_the_same_value_for_every_question_earns_next_to_nothing(name, value, station):
    assignment = load_assignment(ROOT / "solutions" / name)
    cells = {}
    for cell in assignment.source.cells:
        if cell.cell_type == "code" and is_answer(cell):
            asked = sorted(defined_names(cell.source))
            cells[grade_id(cell)] = HELPER + "".join(
                f"{n} = lambda *a, **k: {VALUES[value]}\n" for n in asked
            )
    book = notebook_of(Answer("cheap", cells), assignment.source)
    graded = grade_bytes(book.encode(), assignment, station)
    points = points_of(assignment.source)
    earned = {cell: points[cell] for cell, passed in graded.passed.items() if passed}
    assert sum(earned.values()) <= SHARE * sum(points.values()), earned
