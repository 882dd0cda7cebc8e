# ruff: noqa: E501  (an attack reads best on one line)
"""Attacks are submissions of the toy assignment; after each of them an honest one must see nothing of it."""

import json
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from course_lib.grading.grade import grade_bytes
from course_lib.grading.stations import Station
from course_lib.grading.tester import TOTAL_SECONDS, Limits

QUICK = Limits(cell=2.5, cells=8.0, late=1.0, call=1.5, test=2.5, total=20.0)
LOOK_AROUND = """
import os
others = [p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid(), os.getppid())]
with open('/proc/net/unix') as sockets:
    named = [line for line in sockets if '@' in line]
print(
    os.listdir('/tmp'), os.listdir('/dev/shm'), os.listxattr('/tmp'), oct(os.stat('/tmp').st_mode), others,
    named, os.getpriority(0, 0), len(os.sched_getaffinity(0)) >= 1, torch.allclose(torch.ones(1), torch.zeros(1)),
    sorted(os.listdir('.')), torch.get_num_threads(),
)
"""
NOTHING = f"['task'] [] [] 0o41777 [] [] {os.getpriority(os.PRIO_PROCESS, 0)} True False ['data'] 1\n"
DOUBLE = {"test_double", "hidden_double"}


@pytest.fixture(scope="session")
def quick_station(walled):
    made = Station(limits=QUICK)
    yield made
    made.close()


@pytest.fixture
def patient_station(walled):
    made = Station(limits=replace(QUICK, total=TOTAL_SECONDS))
    yield made
    made.close()


def grade(toy, assignment, station, answers=None, extras=(), first=()):
    data = json.dumps(toy.notebook(answers, extras, first)).encode()
    return grade_bytes(data, assignment, station)


def failed(graded):
    return {name for name, passed in graded.passed.items() if not passed}


def shown(graded, cell_id):
    """The printed text of one cell."""
    (cell,) = [c for c in graded.notebook.cells if c.id == cell_id]
    return "".join(o.get("text", "") for o in cell.outputs if o.output_type == "stream")


def seen_by_student(graded):
    """All that a student may read of a graded notebook, as one text: no traceback of a test."""
    texts = []
    for cell in graded.notebook.cells:
        for output in cell.get("outputs", []):
            is_test = cell.metadata.get("nbgrader", {}).get("grade")
            texts.append(str(output.evalue) if is_test else str(output))
    return "\n".join(texts)


def look_around(toy, assignment, station):
    """An honest submission after the attack: full marks, no trace of another."""
    honest = grade(toy, assignment, station, extras=[LOOK_AROUND])
    assert failed(honest) == set()
    assert shown(honest, "extra-1") == NOTHING
    assert [text for text in honest.incidents if not text.startswith("worth a look")] == []
    return honest


@pytest.fixture
def attack(toy, assignment, quick_station):
    """Hand in an attack: `attack(double=..., extras=[...], first=[...])`.

    It must be graded and reported, and an honest submission behind it must be untouched. An answer that is
    merely wrong in an odd way is `unseen`: there is nothing to report, and nothing that could stay behind.
    """

    def run(double=None, scale=None, extras=(), first=(), unseen=False):
        answers = {name: text for name, text in {"double": double, "scale": scale}.items() if text}
        graded = grade(toy, assignment, quick_station, answers, extras, first)
        assert not graded.failed
        if not unseen:
            assert graded.incidents, "nobody is told of this attack"
            look_around(toy, assignment, quick_station)
        return graded

    return run


@pytest.fixture
def tools():
    return SimpleNamespace(
        failed=failed,
        shown=shown,
        seen=seen_by_student,
        DOUBLE=DOUBLE,
        grade=grade,
        look_around=look_around,
        QUICK=QUICK,
    )
