# ruff: noqa: E501  (tables read best on one line)
"""What the tester reads out of the instructor's notebook."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.grading.plan import cells_to_run, defined_names, make_plan, read_names


def cell(name, source, **flags):
    made = new_code_cell(source, id=name or "own")
    if name:
        made.metadata["nbgrader"] = {"grade_id": name, "grade": False, "solution": False, "points": 0} | flags
    return made


def answer(name, source):
    return cell(name, source, solution=True)


def test_cell(name, source, points=1):  # noqa: PT028
    return cell(name, source, grade=True, points=points)


test_cell.__test__ = False


def book(*cells, **metadata):
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), *cells])
    notebook.metadata.update(metadata)
    return notebook


def run(notebook):
    return [c.id for c in cells_to_run(notebook, make_plan(notebook))]


HIDDEN = "### BEGIN HIDDEN TESTS\nassert f(secret) == 2\n### END HIDDEN TESTS"


def test_names_of_answers_and_what_is_computed_from_them_are_the_workers():
    plan = make_plan(
        book(
            cell("setup", "import torch\ndata = [1]"),
            answer("a", "def f(x): return x\nlimit: float = 1.0"),
            cell("derived", "values = [f(x) for x in data]"),
            cell("again", "best = max(values)"),
            cell("own_helper", "def check(a, b): assert a == b"),
        )
    )
    assert plan.remote == {"f", "limit", "values", "best"}
    assert [name for name, _ in plan.helpers] == ["setup", "own_helper"]


def test_a_helper_whose_function_uses_an_answer_inside_is_no_helper():
    plan = make_plan(book(answer("a", "def f(x): return x"), cell("h", "def twice(x):\n    return f(f(x))")))
    assert plan.remote == {"f", "twice"}
    assert plan.helpers == ()


def test_a_test_has_its_code_its_public_part_and_the_names_that_it_reads():
    (test,) = make_plan(book(test_cell("t", f"y = f(1)\n{HIDDEN}", 2.5))).tests
    assert (test.grade_id, test.points, test.hidden) == ("t", 2.5, True)
    assert test.names == {"f", "secret"}
    assert test.public is not None
    scope = {"f": lambda x: x}
    exec(test.public, scope)
    assert scope["y"] == 1


def test_a_test_that_is_all_hidden_has_no_public_part_and_a_public_one_no_hidden():
    hidden, public = make_plan(book(test_cell("h", f"# look\n{HIDDEN}"), test_cell("p", "assert f(1)"))).tests
    assert hidden.public is None
    assert hidden.hidden
    assert public.public is not None
    assert not public.hidden


def test_lines_of_the_public_part_keep_their_numbers():
    (test,) = make_plan(book(test_cell("t", f"{HIDDEN}\n1 / 0"))).tests
    with pytest.raises(ZeroDivisionError) as caught:
        exec(test.public, {})
    assert caught.traceback[-1].lineno + 1 == 4


def test_seeds_of_tests_differ_and_stay():
    cells = [test_cell(name, "assert True") for name in ("a", "b")]
    first, second = (make_plan(book(*cells)) for _ in range(2))
    assert first.tests[0].seed != first.tests[1].seed
    assert [t.seed for t in first.tests] == [t.seed for t in second.tests]


def test_refused_names_stand_in_the_notebooks_metadata():
    assert make_plan(book(course={"refused": ["torch.lerp"]})).refused == ("torch.lerp",)
    assert make_plan(book()).refused == ()


def test_hidden_tests_are_grouped_by_their_functions_unless_the_metadata_let_more_share():
    cells = [answer("a", "def f(x): return x\ndef g(x): return x\ndef h(x): return x")]
    cells += [test_cell(name, f"assert {name}(1) == 1") for name in "fgh"]
    cells.append(test_cell("both", "assert f(g(1)) == 1"))
    apart = make_plan(book(*cells)).tests
    assert [test.group for test in apart] == [{"f"}, {"g"}, {"h"}, {"f", "g"}]
    joined = make_plan(book(*cells, course={"together": [["f", "g"]]})).tests
    assert [test.group for test in joined] == [{"f", "g"}, {"f", "g"}, {"h"}, {"f", "g"}]
    half = make_plan(book(*cells, course={"together": [["f", "h"]]})).tests
    assert half[3].group == {"f", "g"}


def test_tests_and_demonstrations_are_not_run_by_the_worker():
    notebook = book(
        cell("setup", "import torch"),
        answer("a", "def f(x): return x"),
        cell("show", "print(f(1))"),
        test_cell("t", "assert f(1)"),
        cell("", "print('mine')"),
    )
    assert run(notebook) == ["setup", "a", "own"]


@pytest.mark.parametrize("reader", ["print(value)", "def broken(:\n    value", "%time value"])
def test_a_locked_cell_that_a_cell_of_the_students_needs_is_run(reader):
    notebook = book(answer("a", "def f(x): return x"), cell("made", "value = f(1)"), cell("", reader))
    assert run(notebook) == ["a", "made", "own"]


def test_a_locked_cell_that_only_a_test_needs_is_run():
    notebook = book(
        answer("a", "def f(x): return x"), cell("made", "value = f(1)"), test_cell("t", "assert value")
    )
    assert run(notebook) == ["a", "made"]


def test_a_chain_of_locked_cells_is_run_from_its_beginning():
    notebook = book(
        answer("a", "def f(x): return x"), cell("one", "one = f(1)"), cell("two", "two = one + 1"),
        cell("three", "print(two)"), test_cell("t", "assert two"),
    )  # fmt: skip
    assert run(notebook) == ["a", "one", "two"]


def test_names_that_a_cell_defines_and_reads():
    source = "import math as m\nx, (y, *z) = 1, (2, 3)\ndef f(a):\n    b = c = a + g\n    return b\nclass K: inner = 1\nfor i in []: pass\nwith open('f') as h: pass"
    assert defined_names(source) == {"x", "y", "z", "f", "K", "i", "h"}
    assert {"g", "open"} <= read_names(source)
    assert not {"a", "b", "c", "inner"} & read_names(source)
