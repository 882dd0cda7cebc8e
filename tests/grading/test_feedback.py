"""The feedback page: what it says about points and tests, and that nbgrader's own command makes the same."""

import os
import re
import sys
import warnings
from html import unescape
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from traitlets.config import Config

from course_lib.grading.clean import clean_markdown
from course_lib.grading.course import convert
from course_lib.grading.feedback import FeedbackExporter, grades_of, render
from course_lib.grading.grades import SILENT, Bar, Grades
from course_lib.grading.markup import cut, markdown, outputs_html

HIDDEN = "# Hidden tests (2 points): other shapes\n### BEGIN HIDDEN TESTS\nassert double(918273) == 0\n" \
    "### END HIDDEN TESTS"  # fmt: skip


def graded(cell, name, points=None, solution=False):
    cell.metadata["nbgrader"] = {"grade_id": name, "grade": points is not None, "solution": solution}
    cell.metadata["nbgrader"] |= {"locked": not solution, "schema_version": 3, "task": False}
    if points is not None:
        cell.metadata["nbgrader"]["points"] = points
    return cell


def failed(evalue):
    return [new_output("error", ename="AssertionError", evalue=evalue, traceback=["assert double(918273)"])]


def notebook(*extra, public="", hidden="Hint: think of rows."):
    cells = [
        new_markdown_cell("# Doubling *twice*\n\nAll of it.", id="top"),
        new_markdown_cell("## Part 1. Double it (3 points)\n\nWrite $2x$.", id="one"),
        graded(new_code_cell("def double(x):\n    return x", id="a"), "double", solution=True),
        graded(new_code_cell("# Public test (1 point)\nassert double(1) == 2", id="b"), "test_double", 1),
        graded(new_code_cell(HIDDEN, id="c"), "hidden_double", 2),
        new_markdown_cell("## Part 2. Why? (2 points)", id="two"),
        graded(new_markdown_cell("Because **of** it.", id="d"), "written_answer", 2, solution=True),
        *extra,
    ]
    cells[3].outputs = failed(public) if public else []
    cells[4].outputs = failed(hidden) if hidden else []
    return new_notebook(cells=cells)


def grades(public=1.0, hidden=0.0, written=0.0, **more):
    points = {"test_double": public, "hidden_double": hidden, "written_answer": written}
    more.setdefault("waiting", frozenset(["written_answer"]))
    return Grades(points, {"test_double": 1.0, "hidden_double": 2.0, "written_answer": 2.0}, **more)


def page(nb=None, scores=None):
    return render(nb or notebook(), scores or grades(), "doubling")


def words(html):
    """What a reader sees, white space collapsed."""
    text = re.sub(r"<(style|title|desc).*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(text).split())


def test_the_top_says_the_points_and_what_a_person_still_has_to_read():
    text = words(page())
    assert text.startswith("Feedback Doubling twice 1 of 5 points so far 1 answer is still to be read")
    done = words(page(scores=grades(written=1.5, waiting=frozenset())))
    assert "2.5 of 5 points" in done
    assert "so far" not in done


def test_the_table_names_each_item_in_words_with_its_points_and_a_link():
    html = page()
    table = html[html.index("<table") : html.index("</table>")]
    links = re.findall(r'<a href="#(cell-\d+)">(.*?)</a>', table)
    assert [name for _, name in links] == [
        "Public test: double",
        "Hidden tests: other shapes",
        "Written answer",
    ]
    assert all(f'id="{anchor}"' in html for anchor, _ in links)
    assert "Part 1. Double it" in words(table)
    assert "1 of 1 ✓ all points" in words(table)
    assert "0 of 2 ○ not yet" in words(table)
    assert "? of 2 a person will read it" in words(table)


def test_a_failed_test_speaks_and_nothing_hidden_or_of_its_traceback_is_on_the_page():
    html = page()
    assert words(html).count("Hint: think of rows.") == 2, "in the table, and at the cell"
    for secret in ("918273", "HIDDEN", "Traceback", "BEGIN"):
        assert secret not in html


def test_a_failed_test_without_words_gets_a_friendly_sentence():
    assert SILENT in words(page(notebook(hidden=" ")))


def test_a_passed_test_says_nothing():
    html = page(notebook(hidden=""), grades(hidden=2.0))
    assert 'class="said"' not in html


def test_points_that_a_person_gave_back_silence_the_test_in_the_table():
    html = page(scores=grades(hidden=2.0))
    assert 'class="said"' not in html[: html.index('id="notebook"')]


def test_the_plot_says_in_words_what_it_shows():
    html = page()
    said = re.search(r'<desc id="plot-words">(.*?)</desc>', html)[1]
    assert said == (
        "Bar chart. Part 1. Double it: 1 of 3 points. Part 2. Why?: 0 of 2 points, "
        "2 still to be given by a person. "
    )
    assert 'aria-labelledby="plot-title plot-words"' in html
    assert re.findall(r'class="(?:earned|open)" x="([\d.]+%?)" y="24" width="([\d.]+)%"', html) == [
        ("0", "33.33"),
        ("0", "0.0"),
        ("0.0%", "100.0"),
    ]


def test_a_bar_never_leaves_its_frame():
    for points, out_of in ((9, 3), (-1, 3), (0, 0), (2, 3)):
        bar = Bar("x", points, 5, out_of)
        assert 0 <= bar.share <= 100
        assert 0 <= bar.share + bar.open_share <= 100


def test_a_late_penalty_is_said_and_taken_off():
    text = words(page(scores=grades(late_penalty=0.5)))
    assert "0.5 of 5 points" in text
    assert "Handed in late: 0.5 points were taken off." in text
    assert "0 of 5 points" in words(page(scores=grades(late_penalty=9.0)))


def test_comments_of_the_instructor_stand_at_their_answer():
    comments = {"double": "Try $x=1$ **first**.", "written_answer": "No response."}
    html = page(scores=grades(comments=comments))
    comment = html[html.index('<aside class="comment">') : html.index("</aside>")]
    assert "<strong>first</strong>" in comment
    assert "<math" in comment
    assert "This answer is as it was handed out." in html
    assert "No response" not in html


def test_the_students_code_outputs_and_own_cells_are_there():
    raised = new_output("error", ename="E", evalue="v", traceback=["\x1b[31mline 1\x1b[0m", "E: v"])
    printed = [new_output("stream", name="stdout", text=f"{n}\n") for n in range(3)]
    own = new_code_cell("double(2)", id="extra-1", outputs=[*printed, raised])
    html = page(notebook(own))
    assert "Your own cell" in words(html)
    assert "<pre>0\n1\n2\n</pre>" in html
    assert "<pre>line 1\nE: v</pre>" in html


def test_long_code_of_the_instructor_is_folded_and_the_students_is_not():
    long = "\n".join(f"x{n} = {n}" for n in range(40))
    html = page(notebook(new_code_cell(long, id="given"), new_code_cell(long, id="extra-1")))
    assert html.count("<details>") == 1
    assert "40 lines of given code" in html


def test_no_name_of_a_student_is_on_the_page_and_the_notebook_stays_as_it_was():
    nb = notebook()
    before = str(nb)
    assert page(nb) == page(nb)
    assert str(nb) == before


def test_a_notebook_without_headings_or_graded_cells_has_a_page_too():
    html = render(new_notebook(cells=[new_markdown_cell("hello")]), Grades({}, {}), "doubling")
    assert "<h1>doubling</h1>" in html
    assert "<table" not in html


@pytest.mark.parametrize("size", [7_000, 200_000, 5_000_000])
def test_endless_outputs_are_cut_with_a_note(size):
    made = "".join(outputs_html([new_output("stream", name="stdout", text="x" * size)]))
    assert len(made) < 8_200
    assert ("[cut here:" in made) is (size > 8_000)


def test_the_note_says_how_much_is_missing():
    assert cut("a\nb\nc\nd", most=100, most_lines=2) == "a\nb\n[cut here: 4 more characters]"
    assert cut("short") == "short"
    many = outputs_html([new_output("display_data", data={"text/plain": "x"})] * 500)
    assert "more outputs]" in many[-1]
    assert len(many) < 40


def test_markdown_shows_formulas_tables_and_code():
    made = markdown(
        "$x^2$ and\n\n$$\\frac{a}{b}$$\n\n| a |\n|---|\n| 1 |\n\n```python\ndef f(): 1\n```", trusted=False
    )
    assert made.count("<math") == 2
    assert "<td>1</td>" in made
    assert '<span class="k">def</span>' in made
    assert markdown("$\\nosuch{x}$", trusted=True).count('<code class="tex">$\\nosuch{x}$</code>') == 1


def test_a_students_links_and_pictures_are_words_and_the_instructors_links_are_links():
    text = "[here](https://example.org/a) ![cat](https://example.org/cat.png) <https://example.org>"
    theirs, ours = markdown(text, trusted=False), markdown(text, trusted=True)
    assert "<a" not in theirs
    assert "here (https://example.org/a)" in theirs
    assert "[picture: cat]" in theirs
    assert "<img" not in ours
    assert '<a href="https://example.org/a"' in ours


def test_a_students_html_is_shown_and_the_instructors_is_obeyed():
    assert "&lt;b&gt;bold&lt;/b&gt;" in markdown("a <b>bold</b> word", trusted=False)
    assert "<b>bold</b>" in markdown("a <b>bold</b> word", trusted=True)


def test_a_text_that_was_defused_in_the_autograded_notebook_reads_as_it_was_written():
    for text in ("a <b>bold</b> word", "where $i<n$ holds", "`x <y`", "```\n<!-- x -->\n```"):
        defused = clean_markdown(text)
        assert defused != text
        assert markdown(defused, trusted=False) == markdown(text, trusted=False)
    assert "<mo>&lt;</mo>" in markdown("$i&lt;n$", trusted=False)


def test_a_mark_of_the_renderer_in_a_students_text_means_nothing():
    made = markdown("\ue0000\ue001 $x$ \ue0007\ue001", trusted=False)
    assert re.fullmatch(r"<p>0 <math.*</math> 7</p>\n", made)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course folder with one graded submission, and its gradebook."""
    from nbgrader.api import Gradebook

    root = tmp_path_factory.mktemp("course")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLAlchemy's, about nbgrader's own queries
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # for alembic
        made = Gradebook(f"sqlite:///{root}/gradebook.db")
    with made, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.add_assignment("doubling")
        made.add_notebook("doubling", "doubling")
        for name, points in (("test_double", 1), ("hidden_double", 2), ("written_answer", 2)):
            kind = "markdown" if name == "written_answer" else "code"
            made.add_grade_cell(name, "doubling", "doubling", max_score=points, cell_type=kind)
        for name in ("double", "written_answer"):
            made.add_solution_cell(name, "doubling", "doubling")
        made.add_student("ada")
        made.add_submission("doubling", "ada")
        find = ("doubling", "doubling", "ada")
        for name, points in (("test_double", 1), ("hidden_double", 0)):
            grade = made.find_grade(name, *find)
            grade.auto_score, grade.needs_manual_grade = points, False
        made.find_grade("written_answer", *find).needs_manual_grade = True
        made.find_comment("double", *find).manual_comment = "Look again."
        made.find_submission_notebook(*find).late_submission_penalty = 0.5
        made.db.commit()
        yield root, made


def test_the_gradebook_is_read_right(course):
    found = grades_of(course[1].find_submission_notebook("doubling", "doubling", "ada"))
    assert found == grades(comments={"double": "Look again."}, late_penalty=0.5)


def test_nbgraders_own_command_writes_the_same_page(course):
    import nbformat
    from nbgrader.converters import GenerateFeedback

    root = course[0]
    folder = root / "autograded" / "ada" / "doubling"
    folder.mkdir(parents=True)
    nbformat.write(notebook(), folder / "doubling.ipynb")
    config = Config()
    config.CourseDirectory.root = str(root)
    config.GenerateFeedback.exporter_class = FeedbackExporter
    config.GenerateFeedback.preprocessors = []
    convert(GenerateFeedback, config, "doubling", "ada")
    made = (root / "feedback" / "ada" / "doubling" / "doubling.html").read_text("utf-8")
    assert made == page(scores=grades(comments={"double": "Look again."}, late_penalty=0.5))
    assert "ada" not in words(made).split()


def test_the_exporter_outside_nbgrader_says_where_it_works():
    with pytest.raises(ValueError, match="generate_feedback"):
        FeedbackExporter().from_notebook_node(notebook())
