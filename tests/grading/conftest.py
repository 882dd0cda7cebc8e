"""A small assignment of its own for the tests of the grader, and a wall to grade behind."""

import json
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.grading.assignment import load_assignment
from course_lib.grading.grade import grade_bytes
from course_lib.grading.stations import Station

NAME = "toy"
SETUP = """\
import numpy as np
import torch

table = np.load("data/table.npy", allow_pickle=False)


def check(name, got, expected):
    if not torch.is_tensor(got):
        raise AssertionError(f"{name} should return a tensor, but it returned {got!r}.")
    if got.shape != expected.shape or not torch.allclose(got, expected):
        raise AssertionError(f"{name} returned {got}, but should return {expected}.")
"""
DOUBLE = """\
def double(x):
    \"\"\"Twice x.\"\"\"
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION
"""
MODULE = """\
class Scale(torch.nn.Module):
    \"\"\"Multiplies by a weight that counts its calls.\"\"\"
    ### BEGIN SOLUTION
    def __init__(self, factor):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(float(factor)))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x * self.weight
    ### END SOLUTION


limit = None
### BEGIN SOLUTION
limit = 0.5
### END SOLUTION
"""
TESTS = {
    "test_double": (1, 'check("double", double(torch.ones(2)), torch.tensor([2.0, 2.0]))'),
    "hidden_double": (
        2,
        """\
### BEGIN HIDDEN TESTS
secret_input = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
secret_answer = double(secret_input)
assert secret_answer.shape == (3, 4), "Hint: double must keep the shape."
assert torch.allclose(secret_answer, 2 * secret_input), "Hint: double is off for other numbers."
(slope,) = torch.autograd.grad(secret_answer.sum(), secret_input)
assert torch.equal(slope, torch.full((3, 4), 2.0, dtype=torch.float64)), "Hint: gradients are lost."
### END HIDDEN TESTS""",
    ),
    "hidden_scale": (
        3,
        """\
### BEGIN HIDDEN TESTS
secret_scale = Scale(3.0)
assert torch.allclose(secret_scale(torch.ones(2)), torch.full((2,), 3.0)), "Hint: look at forward."
secret_scale(torch.ones(2))
assert secret_scale.calls == 2, "Hint: count the calls."
### END HIDDEN TESTS""",
    ),
    "hidden_limit": (
        1,
        """\
### BEGIN HIDDEN TESTS
secret_limit = float(np.load(HIDDEN / "limit.npz")["limit"])
assert abs(limit - secret_limit) < 1e-6, "Hint: the limit is another."
assert table.sum() == 6
### END HIDDEN TESTS""",
    ),
}
FULL = sum(points for points, _ in TESTS.values())
REFUSED = ["torch.lerp", "torch.nn.functional.gelu", "torch.nn.GELU"]


def _cell(name, source, **flags):
    meta = {
        "grade": False,
        "grade_id": name,
        "locked": False,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    cell = new_code_cell(source.rstrip("\n"), id=name.replace("_", "-"))
    cell.metadata["nbgrader"] = meta | flags
    return cell


def toy_notebook():
    """The instructor's notebook."""
    written = new_markdown_cell("Because.", id="written")
    written.metadata["nbgrader"] = _cell("written", "").metadata.nbgrader | {
        "grade": True, "points": 2, "solution": True,
    }  # fmt: skip
    tests = {
        name: _cell(name, source, grade=True, locked=True, points=points)
        for name, (points, source) in TESTS.items()
    }
    cells = [
        new_markdown_cell("# Toy\n\n## Part 1", id="title"),
        _cell("setup", SETUP, locked=True),
        _cell("double", DOUBLE, solution=True),
        tests["test_double"],
        tests["hidden_double"],
        _cell("show", "print('the double of one is', double(torch.ones(1)))", locked=True),
        new_markdown_cell("## Part 2", id="part-2"),
        _cell("scale", MODULE, solution=True),
        tests["hidden_scale"],
        tests["hidden_limit"],
        written,
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata.update(
        kernelspec={"name": "python3", "display_name": "Python 3"}, course={"refused": REFUSED}
    )
    return notebook


class Toy:
    """Makes course folders with the toy assignment, and submissions of it."""

    name, full, tests, refused = NAME, FULL, TESTS, REFUSED

    def course(self, root: Path) -> Path:
        """Write the assignment's source into a course folder."""
        folder = root / "solutions" / NAME
        for kind in ("data", "hidden"):
            (folder / kind).mkdir(parents=True)
        (folder / f"{NAME}.ipynb").write_text(nbformat.writes(toy_notebook()), "utf-8")
        np.save(folder / "data" / "table.npy", np.arange(4.0))
        np.savez(folder / "hidden" / "limit.npz", limit=0.5)
        return root

    def notebook(self, answers=None, extras=(), first=()):
        """The reference solution with some answers replaced, and cells of the student's own.

        Args:
            answers: grade_id -> source.
            extras: sources of own cells at the end; `first`: of own cells at the beginning.
        """
        notebook = toy_notebook()
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = (answers or {}).get(name, cell.source)
        own = [new_code_cell(source, id=f"own-{i}") for i, source in enumerate((*first, *extras))]
        notebook.cells[:0] = own[: len(first)]
        notebook.cells += own[len(first) :]
        return notebook

    def submit(self, root: Path, student: str, answers=None, extras=(), first=(), text=None) -> Path:
        """Hand in that notebook, or any text; returns the file."""
        folder = root / "submitted" / student / NAME
        folder.mkdir(parents=True)
        path = folder / f"{NAME}.ipynb"
        path.write_text(
            text if text is not None else nbformat.writes(self.notebook(answers, extras, first)), "utf-8"
        )
        return path


@pytest.fixture(scope="session")
def toy():
    return Toy()


@pytest.fixture(scope="session")
def assignment(toy, tmp_path_factory):
    return load_assignment(toy.course(tmp_path_factory.mktemp("toy")) / "solutions" / toy.name)


@pytest.fixture(scope="session")
def station(walled):
    made = Station()
    yield made
    made.close()


@pytest.fixture(scope="session")
def grade_toy(toy, assignment, station):
    """Grade the reference with some answers replaced: `grade_toy({"double": ...}, extras=[...])`."""

    def run(answers=None, extras=(), first=()):
        data = json.dumps(toy.notebook(answers, extras, first)).encode()
        return grade_bytes(data, assignment, station)

    return run
