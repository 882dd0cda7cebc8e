"""A small assignment of its own, so that these tests do not depend on the course's real ones."""

import copy

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

LOCKED = {"grade": False, "solution": False, "locked": True}
ANSWER = {"grade": False, "solution": True, "locked": False}
TEST = {"grade": True, "solution": False, "locked": True, "points": 2}
WRITTEN = {"grade": True, "solution": True, "locked": False, "points": 3}


def cell(name: str, text: str, nbgrader: dict | None = None) -> NotebookNode:
    """A code cell, or a text cell if it is nobody's or a written answer."""
    made = new_code_cell(text) if nbgrader and nbgrader is not WRITTEN else new_markdown_cell(text)
    made["id"] = name
    if nbgrader:
        made.metadata["nbgrader"] = NotebookNode(nbgrader, grade_id=name, schema_version=3, task=False)
    return made


@pytest.fixture
def small_source() -> NotebookNode:
    """The instructor's notebook: two code answers, one of them of two functions, and a written one."""
    double = "def double(x):\n    ### BEGIN SOLUTION\n    return x + x\n    ### END SOLUTION"
    pair = (
        "def up(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION\n\n\n"
        "def down(x):\n    ### BEGIN SOLUTION\n    return x - 1\n    ### END SOLUTION"
    )
    hidden = "assert double(2) == 4\n### BEGIN HIDDEN TESTS\nassert double(-3) == -6\n### END HIDDEN TESTS"
    cells = [
        cell("title", "# Doubling"),
        cell("setup", "import math", LOCKED),
        cell("task-1", "Write `double`."),
        cell("double", double, ANSWER),
        cell("test_double", hidden, TEST),
        cell("task-2", "Write `up` and `down`."),
        cell("pair", pair, ANSWER),
        cell("test_pair", "assert down(up(7)) == 7", TEST),
        cell("why", "Because.", WRITTEN),
    ]
    python = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = new_notebook(cells=cells, metadata=python)
    nbformat.validate(notebook)
    return notebook


@pytest.fixture
def small_release(small_source: NotebookNode) -> NotebookNode:
    """What nbgrader makes of it for the students."""
    notebook = copy.deepcopy(small_source)
    for step in (ClearSolutions(), ClearHiddenTests()):
        notebook, _ = step.preprocess(notebook, {})
    return notebook
