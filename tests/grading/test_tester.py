import json
import subprocess
import sys

import pytest

DOUBLE = "def double(x):\n    return {}\n"


def points(toy, graded):
    return sum(toy.tests[cell][0] for cell, passed in graded.passed.items() if passed)


def failed(graded):
    return {cell for cell, passed in graded.passed.items() if not passed}


def said(graded, cell_name):
    (cell,) = [
        c for c in graded.notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == cell_name
    ]
    return cell.outputs[0].evalue if cell.outputs else ""


def outputs(graded, cell_id):
    (cell,) = [c for c in graded.notebook.cells if c.id == cell_id]
    return cell.outputs


def test_the_reference_passes_every_test(toy, grade_toy):
    graded = grade_toy()
    assert points(toy, graded) == toy.full
    assert graded.incidents == ()
    assert not graded.failed


def test_a_wrong_answer_fails_its_tests_and_no_other(grade_toy):
    assert failed(grade_toy({"double": DOUBLE.format("3 * x")})) == {"test_double", "hidden_double"}


def test_gradients_come_from_the_students_own_code(grade_toy):
    assert failed(grade_toy({"double": DOUBLE.format("x.detach() * 2")})) == {"hidden_double"}
    assert failed(grade_toy({"double": DOUBLE.format("x + x.detach()")})) == {"hidden_double"}


def test_objects_with_state_work_through_the_wire(grade_toy):
    scale = (
        "class Scale:\n    def __init__(self, f):\n        self.f, self.calls = f, 0\n"
        "    def __call__(self, x):\n        self.calls += 1\n        return x * self.f\nlimit = 0.5"
    )
    assert failed(grade_toy({"scale": scale})) == set()
    assert failed(grade_toy({"scale": scale.replace("+= 1", "+= 2")})) == {"hidden_scale"}


def test_a_public_failure_says_what_came_and_a_hidden_one_only_its_hint(grade_toy):
    graded = grade_toy({"double": DOUBLE.format("3 * x")})
    assert "double returned tensor([3., 3.]), but should return" in said(graded, "test_double")
    assert said(graded, "hidden_double").endswith("Hint: double is off for other numbers.")


def test_an_error_in_the_students_code_is_shown_with_its_line_in_a_public_test_alone(grade_toy):
    graded = grade_toy({"double": DOUBLE.format("x.no_such_thing + 12345")})
    public, hidden = said(graded, "test_double"), said(graded, "hidden_double")
    assert "no_such_thing" in public
    assert "cell double" in public
    assert "line 2" in public
    assert hidden.endswith("double stopped with AttributeError.")


def test_inputs_of_hidden_tests_do_not_come_back_in_an_error_message(grade_toy):
    body = "def double(x):\n    class Leak(Exception): pass\n    Leak.__name__ = 'L' + str(x.sum().item())\n"
    graded = grade_toy({"double": body + "    raise Leak(str(x.tolist()))"})
    assert said(graded, "hidden_double").endswith("double stopped with an error of its own.")


def test_a_name_that_is_missing_because_its_cell_failed_is_said_to_be(grade_toy):
    graded = grade_toy({"double": "def double(x)\n    return x"})
    assert failed(graded) == {"test_double", "hidden_double"}
    assert "double is not defined: the cell double stopped with SyntaxError" in said(graded, "test_double")


@pytest.mark.parametrize(
    "body",
    [
        "torch.lerp(0 * x, x, 2.0)",
        "getattr(torch, 'lerp')(0 * x, x, 2.0)",
        "between(0 * x, x, 2.0)\nbetween = torch.lerp",
        "helper(x)\ndef helper(y):\n    from torch import lerp as between\n    return between(0 * y, y, 2.0)",
    ],
)
def test_an_answer_that_reaches_a_refused_function_is_told_so(grade_toy, body):
    graded = grade_toy({"double": DOUBLE.format(body)})
    assert failed(graded) == {"test_double", "hidden_double"}
    assert "double uses torch.lerp, which this assignment asks you to write yourself" in said(
        graded, "test_double"
    )
    assert graded.incidents == ("double uses torch.lerp, which is refused",)


@pytest.mark.parametrize(
    "body",
    [
        "vars(torch)['le' + 'rp'](0 * x, x, 2.0)",
        "getattr(torch, 'prel'[::-1])(0 * x, x, 2.0)",
        "getattr(torch.ops.aten, 'prel'[::-1])(0 * x, x, 2.0)",
        "getattr(torch._C._VariableFunctions, 'prel'[::-1])(0 * x, x, 2.0)",
    ],
)
def test_a_hidden_call_of_a_refused_function_is_stopped_where_it_runs(grade_toy, body):
    assert failed(grade_toy({"double": DOUBLE.format(body)})) == {"test_double", "hidden_double"}


def test_refused_names_may_be_used_beside_an_answer_and_as_ordinary_words(toy, grade_toy):
    double = "def double(x):\n    'Like lerp, or gelu.'\n    lerp = x\n    return lerp + x"
    compare = "try:\n    print(torch.nn.functional.gelu(torch.ones(1)))\nexcept Exception as e:\n    print(e)"
    assert points(toy, grade_toy({"double": double}, extras=[compare])) == toy.full


HONEST = {
    "a warning": "import warnings\nwarnings.warn('careful')",
    "an error": "1 / 0",
    "a syntax error": "def broken(:",
    "a missing module in a function": "def never_called():\n    import no_such_module",
    "a module in a function": "def drawn():\n    import turtle, sklearn.svm",
    "much output": "for i in range(200_000):\n    print('x' * 100)",
    "a magic": "%timeit -n1 -r1 double(torch.ones(1))\n!echo hello",
    "an exit": "exit()",
    "a system exit": "import sys; sys.exit(1)",
    "a display": "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))\n3",
    "a closed stdout": "import sys; sys.stdout.close()",
    "a missing package": "import no_such_package",
    "a question": "input('name? ')",
    "a Chinese name": "答案 = double(torch.ones(1))\nprint(答案, '你好')",
    "an await": "import asyncio\nawait asyncio.sleep(0)",
    "a thread": "import threading\nthreading.Thread(target=print, args=(1,)).start()",
    "a default dtype": "torch.set_default_dtype(torch.float64)\ntorch.set_default_dtype(torch.float32)",
    "no grad": "torch.set_grad_enabled(False)",
    "a removed name": "del table",
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_students_own_cell_costs_no_point(toy, grade_toy, name):
    graded = grade_toy(extras=[HONEST[name]])
    assert failed(graded) == set()
    assert graded.incidents == ()


@pytest.mark.parametrize("source", ["import os; os._exit(3)", "import ctypes; ctypes.string_at(0)"])
def test_a_cell_that_ends_python_is_left_out_and_costs_no_point(grade_toy, source):
    graded = grade_toy(first=[source])
    assert failed(graded) == set()
    assert "it ended Python" in graded.incidents[0]


def test_a_function_that_ends_python_fails_only_its_own_tests(grade_toy):
    graded = grade_toy({"double": "import os\ndef double(x):\n    os._exit(0)"})
    assert failed(graded) == {"test_double", "hidden_double"}


def test_an_accident_in_the_second_try_does_not_hide_what_the_function_did_in_the_first(grade_toy):
    source = "if os.path.exists('/tmp/seen'):\n        os.kill(os.getppid(), 9)\n    open('/tmp/seen', 'w')"
    graded = grade_toy({"double": f"import os\ndef double(x):\n    {source}\n    os._exit(0)"})
    assert "your code ended Python, or did not stop" in said(graded, "test_double")


def test_tests_do_not_see_each_others_traces(grade_toy):
    counting = "calls = []\ndef double(x):\n    calls.append(1)\n    return x + x if len(calls) == 1 else x"
    assert failed(grade_toy({"double": counting})) == set()


def test_what_a_cell_shows_is_kept_and_what_a_test_prints_is_not(grade_toy):
    graded = grade_toy(
        {"double": "def double(x):\n    print('SEEN', x)\n    return x + x"}, extras=["print('mine')\n7"]
    )
    stream, value = outputs(graded, "extra-1")
    assert stream.text == "mine\n"
    assert value.data["text/plain"] == "7"
    assert "SEEN" not in str([c.outputs for c in graded.notebook.cells if c.cell_type == "code"])


@pytest.mark.slow
def test_an_endless_cell_is_stopped_and_costs_no_point(grade_toy):
    graded = grade_toy(first=["while True:\n    pass"])
    assert failed(graded) == set()
    assert 19 < graded.seconds < 45


@pytest.mark.slow
def test_an_endless_function_fails_its_tests_and_no_other(grade_toy):
    loop = "    while True:\n        try:\n            pass\n        except BaseException:\n            pass"
    stubborn = f"def double(x):\n{loop}"
    assert failed(grade_toy({"double": stubborn})) == {"test_double", "hidden_double"}


@pytest.mark.slow
def test_a_test_that_comes_after_the_time_is_up_says_so(toy, assignment, walled):
    from course_lib.grading.grade import grade_bytes
    from course_lib.grading.stations import Station
    from course_lib.grading.tester import Limits

    notebook = toy.notebook({"double": "import time\ndef double(x):\n    time.sleep(9)\n    return x + x"})
    station = Station(limits=Limits(call=4.0, test=5.0, total=6.0))
    try:
        graded = grade_bytes(json.dumps(notebook).encode(), assignment, station)
    finally:
        station.close()
    assert "double stopped with" in said(graded, "test_double")
    assert "the 6 seconds for the whole notebook were over" in said(graded, "hidden_limit")


def test_the_rehearsal_before_the_first_submission_plays_every_part():
    """A line of it that fails would cost every submission time, and nobody would see why."""
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "from course_lib.grading.inside.worker import rehearse\n"
        "print(rehearse(InteractiveShell.instance()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['ZeroDivisionError', '', '', '']\n"
