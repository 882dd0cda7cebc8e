"""Validate: the words of the public tests, the cell they are about, and no points lost to accidents."""

import copy

import nbformat
import pytest
from nbgrader.validator import Validator
from traitlets.config import Config

from course_lib import validate


def cell(name, source, kind="code", **facts):
    meta = {"schema_version": 3, "grade": False, "solution": False, "locked": True, "task": False}
    meta |= {"grade_id": name, "cell_type": kind, **facts}
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    return make(source, metadata={"nbgrader": meta}, id=name)


STUB = "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
TEST = "assert double(2) == 4, f'double(2) should be 4; yours is {double(2)}. ' + 'Look at the sign. ' * 9"


def handed_out():
    return nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Twice", id="title"),
            cell("setup", "unit = 1"),
            nbformat.v4.new_markdown_cell("## Part 1. Doubling", id="part-1"),
            cell("double", STUB, solution=True, locked=False),
            cell("test_double", TEST, grade=True, points=1),
            cell("hidden_double", "# Hidden tests (2 points)", grade=True, points=2),
            nbformat.v4.new_markdown_cell("## Part 2. Why", id="part-2"),
            cell("why", "YOUR ANSWER HERE", "markdown", grade=True, solution=True, locked=False, points=1),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def answered(code="def double(x):\n    return 2 * x", why="Because."):
    notebook = handed_out()
    named(notebook, "double").source, named(notebook, "why").source = code, why
    return notebook


def named(notebook, name):
    return next(c for c in notebook.cells if c.id == name)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Validate a notebook in a folder with a Chinese name; the (source, words) of what is found."""
    released, mine = tmp_path / "assignments" / "twice", tmp_path / "我的 work" / "twice"
    released.mkdir(parents=True)
    mine.mkdir(parents=True)
    nbformat.write(handed_out(), released / "twice.ipynb")
    monkeypatch.setattr(validate, "ASSIGNMENTS", tmp_path / "assignments")

    def result(notebook, **settings):
        if isinstance(notebook, bytes):
            (mine / "twice.ipynb").write_bytes(notebook)
        else:
            nbformat.write(notebook, mine / "twice.ipynb")
        config = Config({"RunAll": {"extra_arguments": ["--log-level=ERROR"], **settings}})
        found = validate.validate(Validator(config=config), str(mine / "twice.ipynb"))
        return [(entry["source"], entry["raw_error"]) for entry in found.get("failed", [])]

    return result


def test_a_right_answer_passes_whatever_else_is_in_the_notebook(run):
    """A warning, an own cell that fails, a copied test, an edited test, a deleted one, a stale copy."""
    notebook = answered("import warnings\nwarnings.warn('careful')\ndef double(x):\n    return x + x")
    notebook.cells.insert(1, copy.deepcopy(named(notebook, "test_double")))
    named(notebook, "hidden_double").source = "raise SystemError('edited')"
    notebook.cells = [c for c in notebook.cells if c.id != "setup"]
    notebook.cells.append(nbformat.v4.new_code_cell("1 / 0"))
    stale = copy.deepcopy(named(notebook, "double"))
    stale.source = STUB
    notebook.cells.append(stale)
    assert run(notebook) == []


def test_a_wrong_answer_gets_the_words_of_the_test_whole_and_wrapped(run):
    [(source, words)] = run(answered("def double(x):\n    return -2 * x"))
    assert source.startswith('Test under "Part 1. Doubling":')
    assert "Traceback" not in words
    assert words.startswith("double(2) should be 4; yours is -4.")
    assert words.count("Look at the sign.") + words.count("Look at the\nsign.") >= 8
    assert max(map(len, words.split("\n"))) <= validate.WIDTH


def test_a_syntax_error_is_shown_at_its_own_cell_and_the_test_points_there(run):
    first, second = run(answered("def double(x)\n    return x"))
    assert first[0].startswith('Your answer under "Part 1. Doubling":')
    assert "line 1" in first[1]
    assert "expected ':'" in first[1]
    assert "see there first" in second[1].replace("\n", " ")


def test_an_untouched_notebook_says_what_is_still_to_do(run):
    code, text = run(handed_out())
    assert "Not written yet" in code[1]
    assert 'Your answer under "Part 2. Why"' in text[0]
    assert "A person reads" in text[1]


def test_a_missing_answer_cell_is_named(run):
    notebook = answered()
    notebook.cells = [c for c in notebook.cells if c.id != "double"]
    first, second = run(notebook)
    assert "missing" in first[1]
    assert "--fresh twice" in first[1].replace("\n", " ")
    assert "Not written yet" in second[1]


def test_an_answer_that_ends_python_is_found_and_the_rest_is_not_blamed(run):
    [(source, words)] = run(answered("import os\nos._exit(3)"))
    assert source.startswith("Your answer under")
    assert "ended Python" in words


def test_a_loop_without_end_is_found(run):
    found = run(answered("while True:\n    pass"), timeout=1)
    assert "takes too long" in found[0][1]


def test_a_notebook_that_is_too_slow_in_all_is_told_so(run):
    found = run(answered(), budget=-1)
    assert found[0][1] == "Not run: the notebook took longer than -1 seconds."
    assert len(found) == 1


@pytest.mark.parametrize("content", [b"", b'{"cells": [', b"\xff\xfe\x00", b"<<<<<<< HEAD\n{}", b"[]"])
def test_a_file_that_is_no_notebook_gets_words_and_a_way_out(run, content):
    [(source, words)] = run(content)
    assert source == "twice.ipynb"
    assert "not a notebook that can be opened" in words.replace("\n", " ")
    assert "--fresh twice" in words.replace("\n", " ")


def test_the_words_cannot_run_in_the_students_browser(run):
    [(_, _)] = run(answered("def double(x):\n    raise ValueError('<img src=x onerror=alert(1)>')"))
    assert "<" not in validate._as_nbgrader_does("", "<script>")["error"]


def test_another_notebook_goes_to_nbgraders_own_method(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(validate, "_plain_validate", lambda validator, name: asked.append(name) or {})
    assert validate.validate(Validator(), str(tmp_path / "other.ipynb")) == {}
    assert asked == [str(tmp_path / "other.ipynb")]


def test_it_is_used_by_nbgrader_once_the_settings_ask_for_it(monkeypatch):
    monkeypatch.setattr(Validator, "validate", Validator.validate)
    validate.use()
    assert Validator.validate is validate.validate
