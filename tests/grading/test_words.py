"""What a failed test tells its student."""

import pytest

from course_lib.grading import plan
from course_lib.grading.proxy import StudentError
from course_lib.grading.words import words_for_student

SOURCE = 'assert True, "Hint: look left."'
NAMES = frozenset({"f"})
HIDDEN = plan.Test("hidden_f", 1.0, SOURCE, compile(SOURCE, "test", "exec"), None, True, NAMES, NAMES, 0)


def told(kind, text=""):
    return words_for_student(StudentError(kind, text, name="f"), HIDDEN, hidden=True).splitlines()[-1]


@pytest.mark.parametrize("kind", ["TookTooLongError", "TimeoutError"])
def test_code_that_ran_out_of_time_in_a_hidden_test_is_said_to(kind):
    assert told(kind, "it ran for more than 0.05 seconds").startswith("f did not finish in time")


def test_code_that_ended_python_in_a_hidden_test_is_said_to():
    assert told("PythonEnded", "12345") == "f ended Python, or did not stop in time."


def test_other_errors_in_a_hidden_test_are_named_by_a_built_in_name_or_not_at_all():
    assert told("IndexError", "12345") == "f stopped with IndexError."
    assert told("Input12345Error") == "f stopped with an error of its own."
