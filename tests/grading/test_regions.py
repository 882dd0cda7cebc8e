"""Delimiters: typos are found, prose is not, and the secret lines are the right ones."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.grading.regions import (
    HIDDEN,
    delimiter_problems,
    find_secrets,
    lines,
    secret_lines,
    without_hidden,
)

GOOD = "x = 1\n### BEGIN HIDDEN TESTS\nassert x == 1, 'the secret'\n### END HIDDEN TESTS\ny = 2"


def test_lines_know_their_region_and_hidden_ones_can_be_taken_out():
    kinds = [(line.kind, line.is_delimiter) for line in lines(GOOD)]
    assert kinds == [(None, False), (HIDDEN, True), (HIDDEN, False), (HIDDEN, True), (None, False)]
    assert without_hidden(GOOD) == "x = 1\ny = 2"


@pytest.mark.parametrize("source", [GOOD, "    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION", ""])
def test_correct_delimiters_are_accepted(source):
    assert delimiter_problems(source, "cell") == []


@pytest.mark.parametrize(
    "text",
    [
        "### BEGIN HIDDEN TEST",
        "### BEGIN HIDEN TESTS",
        "## BEGIN HIDDEN TESTS",
        "###BEGIN HIDDEN TESTS",
        "### begin hidden tests",
        "# Begin Solution",
        "### BEGINN SOLUTION",
        "### HIDDEN TESTS BEGIN",
        "### END SOLUTIONS",
        "### BEGIN MARKSCHEME",
        "x = 1  ### BEGIN SOLUTION",
        "### BEGIN_HIDDEN_TESTS",
    ],
)
def test_a_typo_in_a_delimiter_is_found(text):
    problems = delimiter_problems(f"a = 1\n{text}\nb = 2", "cell 3")
    assert len(problems) == 1
    assert "cell 3, line 2" in problems[0]
    assert "write exactly '### " in problems[0]


@pytest.mark.parametrize(
    "text",
    [
        "# Hidden tests (2 points): other shapes, other numbers, gradients",
        "# begin with the gate",
        "# the solution of the equation",
        "end = start + 1",
        "### Notes",
        "Read the mark scheme below.",
    ],
)
def test_ordinary_lines_are_no_typos(text):
    assert delimiter_problems(text, "cell") == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("### BEGIN SOLUTION\nx", "never ended"),
        ("x\n### END SOLUTION", "without its beginning"),
        ("### BEGIN SOLUTION\n### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS", "inside the region"),
        ("### BEGIN SOLUTION\n### END HIDDEN TESTS", "without its beginning"),
    ],
)
def test_unbalanced_delimiters_are_found(source, said):
    assert said in " ".join(delimiter_problems(source, "cell"))


def notebook():
    answer = new_code_cell(
        "def f(x):\n    ### BEGIN SOLUTION\n    gate = x * 12345\n    return gate\n    ### END SOLUTION"
    )
    answer.metadata["nbgrader"] = {"solution": True, "grade": False, "grade_id": "f"}
    essay = new_markdown_cell("The model answer that nobody may see.")
    essay.metadata["nbgrader"] = {"solution": True, "grade": True, "grade_id": "e"}
    test = new_code_cell(
        "import torch.testing as t\n### BEGIN HIDDEN TESTS\nassert f(3) == 37035\n"
        "import torch.testing as t\n### END HIDDEN TESTS"
    )
    test.metadata["nbgrader"] = {"grade": True, "locked": True, "grade_id": "t", "points": 1}
    return new_notebook(cells=[answer, essay, test])


def test_secret_lines_are_solutions_model_answers_and_hidden_tests_but_no_imports():
    secrets = secret_lines(notebook())
    assert secrets == {"gate = x * 12345", "The model answer that nobody may see.", "assert f(3) == 37035"}


def test_a_secret_is_found_whatever_its_indentation_and_inside_json():
    secrets = {'assert f("a b") == 3'}
    assert find_secrets('if 1:\n\t   assert   f("a b") == 3\n', secrets)
    assert find_secrets('"source": ["assert f(\\"a b\\") == 3\\n"]', secrets)
    assert not find_secrets("assert f(3)", secrets)
