"""Whatever is killed at whatever moment: after a rerun the results are those of an undisturbed run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course_lib.grading.scratch import scratch

SCRIPT = Path(__file__).parent / "faults.py"
ANSWERS = (
    {},
    {"double": "def double(x):\n    return 3 * x"},
    {"scale": "class Scale:\n    pass"},
    {"double": "import os\ndef double(x):\n    os._exit(0)"},
    {"double": "def double(x):\n    return 1 / 0", "written": "Why?"},
)


def make_class(toy, root, count):
    toy.course(root)
    for i in range(count):
        toy.submit(root, f"s{i:03}", ANSWERS[i % len(ANSWERS)], extras=[f"print({i})"])
    return root


def results(root, db=None):
    """Everything that a run leaves for people: points, comments, notebooks, feedback."""
    with Gradebook(db or f"sqlite:///{root}/gradebook.db") as gradebook:
        rows = {
            (s.student.id, entry.name): (
                getattr(entry, "auto_score", None),
                getattr(entry, "needs_manual_grade", None),
                getattr(entry, "auto_comment", None),
            )
            for s in gradebook.assignment_submissions("toy")
            for entry in (*s.notebooks[0].grades, *s.notebooks[0].comments)
        }
    files = {
        str(path.relative_to(root)): path.read_bytes()
        for kind in ("autograded", "feedback")
        for path in (root / kind).rglob("*")
        if path.is_file() and path.name != ".graded.json"
    }
    passed = {
        path.parts[-3]: json.loads(path.read_text())["passed"]
        for path in root.glob("autograded/*/toy/.graded.json")
    }
    return rows, files, passed


def run(root, seed, submissions, kills, cluster=False):
    settings = dict(root=str(root), seed=seed, submissions=submissions, kills=kills, cluster=cluster)
    done = subprocess.run([sys.executable, SCRIPT, json.dumps(settings)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def holds(toy, tmp_path, submissions, kills, seed, cluster=False):
    calm, torn = (make_class(toy, tmp_path / name, submissions) for name in ("calm", "torn"))
    undisturbed = run(calm, seed, submissions, 0)
    assert undisturbed.pop("runs") == 1
    assert not any(undisturbed.values())
    told = run(torn, seed, submissions, kills, cluster)
    assert "failed" not in told, told["failed"]
    assert len(told["killed"]) == kills
    assert told["survivors"] == []
    assert told["again"] == []
    assert told["crashed"] == []
    assert told["replaced"] <= sum("dask" in victim for victim in told["killed"]), "one ended by itself"
    assert results(torn) == results(calm)
    for root in (calm, torn):
        if cluster:  # there may have been no station after the last one that was killed
            with scratch("course-grade-station-", root / "tmp"):
                pass
        assert {p.name for p in (root / "tmp").iterdir()} <= {"dask-scratch-space"}
        assert [p.name for p in (root / ".cache").iterdir()] in ([], ["grading.lock"])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_class_whose_grading_is_killed_again_and_again_gets_the_same_results(toy, walled, tmp_path):
    holds(toy, tmp_path, submissions=20, kills=6, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [2, 3])
def test_so_does_a_large_class(toy, walled, tmp_path, seed):
    holds(toy, tmp_path, submissions=200, kills=36, seed=seed)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_so_does_one_on_a_cluster_whose_workers_are_killed_and_replaced(toy, walled, tmp_path):
    holds(toy, tmp_path, submissions=20, kills=9, seed=1, cluster=True)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [2, 3])
def test_so_does_a_large_class_on_a_cluster(toy, walled, tmp_path, seed):
    holds(toy, tmp_path, submissions=200, kills=36, seed=seed, cluster=True)
