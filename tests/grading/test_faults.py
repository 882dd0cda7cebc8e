"""Whatever is killed at whatever moment: after a rerun the results are those of an undisturbed run."""

import json
import subprocess
import sys
from functools import cache
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


def left_behind(root):
    """Files of the run beside its results, which nobody needs any more."""
    kept = {"dask-scratch-space", "grading.lock"}
    return [path for name in ("tmp", ".cache") for path in (root / name).iterdir() if path.name not in kept]


@pytest.fixture(scope="module")
def undisturbed(toy, walled, tmp_path_factory):
    """The results of a class of that many submissions, graded once and without a fault."""

    @cache
    def results_of(submissions):
        root = make_class(toy, tmp_path_factory.mktemp("calm"), submissions)
        told = run(root, 0, submissions, kills=0)
        assert told.pop("runs") == 1
        assert not any(told.values())
        assert left_behind(root) == []
        return results(root)

    return results_of


@pytest.fixture
def holds(toy, undisturbed, tmp_path):
    """Whether a class has the same results however often its grading is killed."""

    def check(submissions, kills, seed, cluster=False):
        root = make_class(toy, tmp_path, submissions)
        told = run(root, seed, submissions, kills, cluster)
        assert "failed" not in told, told["failed"]
        assert len(told["killed"]) == kills
        assert told["survivors"] == []
        assert told["again"] == []
        assert told["crashed"] == []
        assert told["replaced"] <= sum("dask" in victim for victim in told["killed"]), "one ended by itself"
        assert results(root) == undisturbed(submissions)
        if cluster:  # there may have been no station after the last one that was killed
            with scratch("station", root / "tmp"):
                pass
        assert left_behind(root) == []

    return check


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_class_whose_grading_is_killed_again_and_again_gets_the_same_results(holds):
    holds(submissions=20, kills=6, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_so_does_one_on_a_cluster_whose_workers_are_killed_and_replaced(holds):
    holds(submissions=20, kills=5, seed=1, cluster=True)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [2, 3])
def test_so_does_a_large_class(holds, seed):
    holds(submissions=200, kills=36, seed=seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [4, 5])
def test_so_does_a_large_class_on_a_cluster(holds, seed):
    holds(submissions=200, kills=36, seed=seed, cluster=True)
