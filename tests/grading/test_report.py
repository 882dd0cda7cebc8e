"""The summary says what an instructor wants to know; neither it nor the table can be made to misbehave."""

import csv
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.grading.report import BROKEN, safe_cell, summary, write_csv


@dataclass(frozen=True)
class Outcome:
    student: str
    status: str = "graded"
    points: float | None = None
    out_of: float | None = 12.0
    to_grade_by_hand: int = 0
    note: str = ""
    items: dict[str, bool] = field(default_factory=dict)
    incidents: tuple[str, ...] = ()
    seconds: float | None = None


CLASS = [
    Outcome("ann", points=12, items={"easy": True, "hard": True}, seconds=0.5, to_grade_by_hand=1),
    Outcome("bob", points=6, items={"easy": True, "hard": False}, seconds=2.5, to_grade_by_hand=2),
    Outcome("李雷", points=1.5, items={"easy": True, "hard": False}, seconds=0.8, status="unchanged"),
    Outcome("mallory", points=0, items={"easy": True}, seconds=0.6, incidents=("worker died", "lied")),
    Outcome("nora", BROKEN, out_of=None, note="no gelu.ipynb"),
    Outcome("欧阳娜娜", BROKEN, out_of=None, note="not valid JSON\n\x1b[2J"),
]


def test_the_summary_tells_scores_hard_items_failures_incidents_and_time():
    assert summary(CLASS) == (
        "6 submissions: 4 graded, 1 of them unchanged; 2 broken\n"
        "3 answers of 2 students to grade by hand\n"
        "\n"
        "points of 12: median 3.75, middle half 1.125 to 7.5\n"
        "     0 to  1.2  ############################## 1\n"
        "   1.2 to  2.4  ############################## 1\n"
        "   2.4 to  3.6\n"
        "   3.6 to  4.8\n"
        "   4.8 to    6\n"
        "     6 to  7.2  ############################## 1\n"
        "   7.2 to  8.4\n"
        "   8.4 to  9.6\n"
        "   9.6 to 10.8\n"
        "  10.8 to   12  ############################## 1\n"
        "\n"
        "hardest items, by the share of students who passed\n"
        "  hard  ##########                      33%\n"
        "\n"
        "broken, and left as they were in the gradebook\n"
        "  nora      no gelu.ipynb\n"
        "  欧阳娜娜  not valid JSON �[2J\n"
        "\n"
        "incidents: look at these yourself, no points were taken off for them\n"
        "  mallory  worker died\n"
        "           lied\n"
        "\n"
        "time: median 0.7 s a submission, longest 2.5 s (bob)"
    )


def test_a_class_of_nobody_or_of_one_broken_submission_has_a_summary():
    assert summary([]) == "0 submissions: 0 graded; 0 broken"
    assert "no gelu.ipynb" in summary([CLASS[4]])


def test_bars_are_in_proportion_and_none_vanishes():
    many = [Outcome(f"s{n}", points=12) for n in range(300)] + [Outcome("x", points=0)]
    lines = summary(many).splitlines()
    assert next(line for line in lines if line.endswith(" 300")).count("#") == 30
    assert next(line for line in lines if line.endswith(" 1")).count("#") == 1


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_has_a_row_for_each_student_and_a_column_for_each_item(tmp_path):
    write_csv(CLASS, tmp_path / "grades.csv")
    rows = read(tmp_path / "grades.csv")
    assert list(rows[0]) == [
        *("student", "points", "out of", "easy", "hard", "by hand", "status", "note", "incidents"),
    ]
    assert rows[2] == {
        "student": "李雷",
        "points": "1.5",
        "out of": "12",
        "easy": "1",
        "hard": "0",
        "by hand": "0",
        "status": "unchanged",
        "note": "",
        "incidents": "",
    }
    assert (rows[3]["hard"], rows[3]["incidents"]) == ("", "worker died | lied")
    assert (rows[4]["points"], rows[4]["note"]) == ("", "no gelu.ipynb")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "＝", ";=", 'x",=', "x; +"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(start, tmp_path):
    text = start + "HYPERLINK(1)"
    cell = safe_cell(text)
    assert "'" in cell
    write_csv([Outcome(text, BROKEN, note=text, items={text: True}, incidents=(text,))], tmp_path / "t.csv")
    (row,) = read(tmp_path / "t.csv")
    assert row["note"] == row["student"] == row["incidents"] == cell
    assert cell in row


def test_ordinary_names_and_notes_stay_as_they_are():
    for text in (
        "bob@uni.edu",
        "a-b",
        "answer cell x is missing; cells edited, now restored: a, b",
        "1 + 1 = 2",
    ):
        assert safe_cell(text) == text


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(st.lists(st.sampled_from(list("=+-@;,|\"'\t\r\n ax＝\0")), max_size=12).map("".join))
def test_however_a_table_is_cut_up_no_cell_begins_like_a_formula(text):
    cell = safe_cell(text)
    for separator in ";,|\t":
        for (*parts,) in csv.reader([cell], delimiter=separator):
            assert not any(part.strip().startswith(tuple("=+-@＝")) for part in parts)


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(st.text(max_size=50))
def test_nothing_a_student_writes_gets_control_of_the_terminal(text):
    shown = summary([Outcome(text, BROKEN, note=text, incidents=(text,), items={text: False}, points=1)])
    assert all(c.isprintable() for line in shown.split("\n") for c in line)
