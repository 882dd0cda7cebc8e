"""What a student reads about hidden tests: that one failed, its hint, and nothing else."""

from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_lib.grading.hide import WITHHELD, hide_tests, hints

SOURCE = (
    "assert f(1) == 2, 'public message'\n### BEGIN HIDDEN TESTS\nsecret_number = 918273\n"
    "assert f(secret_number) == 0, 'Hint: try large numbers.'\n### END HIDDEN TESTS"
)


def cell(line, ename="AssertionError", evalue="", frames=()):
    made = new_code_cell(SOURCE, execution_count=4)
    made.metadata["nbgrader"] = {"grade": True, "solution": False, "locked": True, "grade_id": "t"}
    own = f"\x1b[36mCell\x1b[39m \x1b[32mIn[4]\x1b[39m, line {line}\n----> {line} secret_number = 918273"
    made.outputs = [
        new_output("stream", name="stdout", text="printed 918273"),
        new_output(
            "error", ename=ename, evalue=evalue, traceback=["-----", own, *frames, f"{ename}: {evalue}"]
        ),
    ]
    return made


def shown(made, *others):
    nb = hide_tests(new_notebook(cells=[made, *others]))
    return "\n".join(str(dict(c)) for c in nb.cells)


def test_a_failed_hidden_test_shows_its_hint_and_nothing_of_itself():
    text = shown(cell(4, evalue="Hint: try large numbers.\nassert 1 == 0"))
    assert "Hint: try large numbers." in text
    assert "918273" not in text
    assert "1 == 0" not in text
    assert "HIDDEN" not in text


def test_an_error_that_only_pretends_to_be_a_hint_is_not_shown():
    text = shown(cell(4, "ValueError", "Hint: secret_number is 918273"))
    assert "secret_number" not in text


def test_a_failed_public_test_keeps_its_message_and_the_students_own_frames():
    theirs = "\x1b[36mCell In[2]\x1b[39m, line 3, in f(x)\n----> 3 return x / 0"
    text = shown(cell(1, evalue="public message", frames=[theirs]))
    assert "AssertionError: public message" in text
    assert "return x / 0" in text
    assert "918273" not in text


def test_a_traceback_without_line_numbers_is_taken_for_a_hidden_one():
    made = cell(1, evalue="918273")
    made.outputs[1].traceback = ["boom 918273"]
    assert "918273" not in shown(made)


def test_a_passed_test_shows_only_its_public_source():
    made = cell(1)
    made.outputs = [new_output("stream", name="stdout", text="918273")]
    text = shown(made)
    assert "public message" in text
    assert "918273" not in text


def test_a_cell_that_prints_hidden_tests_is_silenced_and_other_output_stays():
    thief = new_code_cell("print(In)")
    thief.outputs = [new_output("stream", name="stdout", text="['secret_number = 918273']")]
    honest = new_code_cell("print(1)")
    honest.outputs = [new_output("stream", name="stdout", text="the loss is 0.25")]
    text = shown(cell(4), thief, honest)
    assert WITHHELD in text
    assert "918273" not in text
    assert "the loss is 0.25" in text


def test_hints_are_plain_strings_only():
    assert hints(
        "assert a, 'Hint: one'\nassert b, f'Hint: {b}'\nassert c, 'no'\nassert d, ('Hint: ' 'two')"
    ) == [
        "Hint: one",
        "Hint: two",
    ]
    assert hints("not python(") == []
