"""What a student reads about tests: the words meant for them, and nothing else."""

import copy

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.grading.hide import WITHHELD, hidden_lines, hide_tests

SOURCE = (
    "assert f(1) == 2, 'public message'\nnumber = torch.ones(3)\n### BEGIN HIDDEN TESTS\n"
    "secret_number = 918273\nnumber = torch.ones(3)\n"
    "assert f(secret_number) == 0, 'Hint: try large numbers.'\n### END HIDDEN TESTS"
)


def cell(evalue="", *others):
    made = new_code_cell(SOURCE, execution_count=4)
    made.metadata["nbgrader"] = {"grade": True, "solution": False, "locked": True, "grade_id": "t"}
    error = new_output("error", ename="AssertionError", evalue=evalue, traceback=["line 4: 918273"])
    made.outputs = [*others, error]
    return made


def shown(made, *others):
    nb = hide_tests(new_notebook(cells=[made, *others]))
    return "\n".join(str(dict(c)) for c in nb.cells)


def test_a_failed_test_shows_its_words_its_public_part_and_nothing_else():
    text = shown(cell("Hint: try large numbers.", new_output("stream", name="stdout", text="saw 555")))
    assert "Hint: try large numbers." in text
    assert "public message" in text
    for secret in ("918273", "HIDDEN", "secret_number", "555"):
        assert secret not in text


def test_a_passed_test_shows_only_its_public_source():
    made = cell()
    made.outputs = []
    text = shown(made)
    assert "public message" in text
    assert "918273" not in text


def test_words_that_repeat_a_hidden_line_are_left_out():
    text = shown(cell("\x1b[31msecret_number = 918273\x1b[0m"))
    assert WITHHELD in text
    assert "918273" not in text


def test_a_cell_that_prints_hidden_tests_is_silenced_and_other_output_stays():
    thief = new_code_cell("print(In)")
    thief.outputs = [
        new_output("stream", name="stdout", text="['secret_number = 918273']"),
        new_output("display_data", data={"text/html": "<b>secret_number  =  918273</b>"}),
        new_output("error", ename="E", evalue="", traceback=["secret_number = 918273"]),
    ]
    honest = new_code_cell("print(1)")
    honest.outputs = [new_output("stream", name="stdout", text="the loss is 0.25")]
    text = shown(cell(), thief, honest)
    assert text.count(WITHHELD) == 3
    assert "918273" not in text
    assert "the loss is 0.25" in text


def test_a_hidden_line_that_also_stands_in_the_open_is_no_secret():
    assert hidden_lines(new_notebook(cells=[cell()])) == {
        "secret_number = 918273",
        "assert f(secret_number) == 0, 'Hint: try large numbers.'",
    }
    honest = new_code_cell("print(1)")
    honest.outputs = [new_output("stream", name="stdout", text="number = torch.ones(3)")]
    assert WITHHELD not in shown(cell(), honest)


def test_the_mark_scheme_stays_with_the_instructor_and_the_students_text_stays_whole():
    task = new_markdown_cell("Explain.\n### BEGIN MARK SCHEME\nrubric\n### END MARK SCHEME")
    answer = new_markdown_cell("### BEGIN MARK SCHEME\nmy words")
    answer.metadata["nbgrader"] = {"solution": True, "grade": True, "grade_id": "essay"}
    text = shown(task, answer)
    assert "Explain." in text
    assert "rubric" not in text
    assert "my words" in text


def test_the_notebook_that_is_hidden_stays_as_it_was():
    nb = new_notebook(cells=[cell("words")])
    before = copy.deepcopy(nb)
    hide_tests(nb)
    assert nb == before
