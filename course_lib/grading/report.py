"""What became of a whole class's submissions: a summary to read, and a table to import elsewhere."""

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Protocol

from course_lib.files import atomic_write
from course_lib.grading.submission_file import printable

BROKEN = "BROKEN"
BINS, BAR, SHOWN = 10, 30, 8
COLUMNS = ("student", "points", "out of", "by hand", "status", "note", "incidents")
# A spreadsheet runs a cell that begins like this; a cell can also begin after a separator or a quote.
_FORMULA = re.compile(r"(^|[;,|\"'\t\r\n])(\s*)(?=[=+\-@＝＋－＠])")


class Outcome(Protocol):
    """What became of one submission; `batch.Outcome` is one. Points are None for a broken one."""

    @property
    def student(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def points(self) -> float | None: ...
    @property
    def out_of(self) -> float | None: ...
    @property
    def to_grade_by_hand(self) -> int: ...
    @property
    def note(self) -> str: ...
    @property
    def items(self) -> Mapping[str, bool]: ...
    @property
    def incidents(self) -> Sequence[str]: ...
    @property
    def seconds(self) -> float | None: ...


def summary(outcomes: Sequence[Outcome]) -> str:
    """The class at a glance: scores, hardest items, broken submissions, notes, incidents and time.

    Args:
        outcomes: one for each submission.
    Returns:
        Lines of text for a terminal, without control characters of any student's making.
    """
    parts = [_counts(outcomes), _scores(outcomes), _hardest(outcomes), _broken(outcomes)]
    parts += [_notes(outcomes), _incidents(outcomes), _time(outcomes)]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _counts(outcomes: Sequence[Outcome]) -> list[str]:
    broken = sum(o.status == BROKEN for o in outcomes)
    others: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.status not in (BROKEN, "graded"):
            others[outcome.status] = others.get(outcome.status, 0) + 1
    of_them = "".join(f", {number} of them {printable(status)}" for status, number in others.items())
    lines = [
        f"{_many(len(outcomes), 'submission')}: {len(outcomes) - broken} graded{of_them}; {broken} broken"
    ]
    if waiting := sum(o.to_grade_by_hand for o in outcomes):
        people = sum(o.to_grade_by_hand > 0 for o in outcomes)
        lines.append(f"{_many(waiting, 'answer')} of {_many(people, 'student')} to grade by hand")
    return lines


def _scores(outcomes: Sequence[Outcome]) -> list[str]:
    """Quartiles and a bar chart of the points; what is still to be graded by hand counts 0."""
    points = sorted(o.points for o in outcomes if o.points is not None)
    top = max((o.out_of or 0.0 for o in outcomes), default=0.0)
    if not points or not top:
        return []
    low, _, high = quantiles(points, n=4, method="inclusive") if len(points) > 1 else points * 3
    lines = [f"points of {top:g}: median {median(points):g}, middle half {low:g} to {high:g}"]
    counts = [0] * BINS
    for value in points:
        counts[min(BINS - 1, max(0, int(BINS * value / top)))] += 1
    edges = [f"{index * top / BINS:.4g}" for index in range(BINS + 1)]
    width = max(map(len, edges))
    for left, right, count in zip(edges, edges[1:], counts, strict=False):
        bar = _bar(count, max(counts))
        lines.append(f"  {left:>{width}} to {right:>{width}}  {bar} {count or ''}".rstrip())
    return lines


def _hardest(outcomes: Sequence[Outcome]) -> list[str]:
    """The items that the fewest passed, if any failed at all."""
    tried: dict[str, list[bool]] = {}
    for outcome in outcomes:
        for item, passed in outcome.items.items():
            tried.setdefault(item, []).append(bool(passed))
    shares = sorted((sum(results) / len(results), item) for item, results in tried.items())
    hard = [(share, item) for share, item in shares if share < 1][:SHOWN]
    width = max((len(printable(item)) for _, item in hard), default=0)
    rows = [f"  {printable(item):{width}}  {_bar(share, 1.0):{BAR}} {share:4.0%}" for share, item in hard]
    return ["hardest items, by the share of students who passed", *rows] if rows else []


def _broken(outcomes: Sequence[Outcome]) -> list[str]:
    broken = [o for o in outcomes if o.status == BROKEN]
    width = max((_width(printable(o.student)) for o in broken), default=0)
    rows = [f"  {_pad(printable(o.student), width)}  {printable(o.note, 200)}" for o in broken]
    return ["broken, and left as they were in the gradebook", *rows] if rows else []


def _notes(outcomes: Sequence[Outcome]) -> list[str]:
    noted = [o for o in outcomes if o.note and o.status != BROKEN]
    width = max((_width(printable(o.student)) for o in noted), default=0)
    rows = [f"  {_pad(printable(o.student), width)}  {printable(o.note, 200)}" for o in noted]
    return ["put right before grading", *rows] if rows else []


def _incidents(outcomes: Sequence[Outcome]) -> list[str]:
    seen = [o for o in outcomes if o.incidents]
    width = max((_width(printable(o.student)) for o in seen), default=0)
    rows = []
    for outcome in seen:
        names = [printable(outcome.student)] + [""] * (len(outcome.incidents) - 1)
        told = zip(names, outcome.incidents, strict=True)
        rows += [f"  {_pad(name, width)}  {printable(text, 200)}" for name, text in told]
    return ["incidents: look at these yourself, no points were taken off for them", *rows] if rows else []


def _time(outcomes: Sequence[Outcome]) -> list[str]:
    times = [(o.seconds, o.student) for o in outcomes if o.seconds is not None]
    if not times:
        return []
    longest, student = max(times)
    middle = median(seconds for seconds, _ in times)
    return [f"time: median {middle:.1f} s a submission, longest {longest:.1f} s ({printable(student)})"]


def write_csv(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write one row a student: points, each item (1 passed, 0 not), by hand, status, note, incidents.

    The file begins with a byte order mark, so that spreadsheets read Chinese names right; texts that
    a spreadsheet would run as a formula get an apostrophe in front.
    """
    items = list(dict.fromkeys(item for outcome in outcomes for item in outcome.items))
    with atomic_write(path, encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([*COLUMNS[:3], *map(safe_cell, items), *COLUMNS[3:]])
        for outcome in outcomes:
            points = ["" if value is None else f"{value:g}" for value in (outcome.points, outcome.out_of)]
            passed = [int(outcome.items[item]) if item in outcome.items else "" for item in items]
            texts = (outcome.status, outcome.note, " | ".join(outcome.incidents))
            row = [safe_cell(outcome.student), *points, *passed, outcome.to_grade_by_hand]
            writer.writerow([*row, *map(safe_cell, texts)])


def safe_cell(text: str) -> str:
    """A text for a table's cell: one line, and no spreadsheet takes any part of it for a formula."""
    return _FORMULA.sub(r"\1\2'", printable(text, 1000))


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")


def _bar(value: float, most: float) -> str:
    """A bar of `BAR` characters for the most, and of one at least for anything above 0."""
    length = round(BAR * value / most) if most else 0
    return "#" * max(length, int(value > 0))


def _width(text: str) -> int:
    """Columns of a terminal: a Chinese character takes two, a combining one none."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
