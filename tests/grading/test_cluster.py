"""The same class on a cluster of its own processes, encrypted: same results, also if a worker is lost."""

import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from distributed import Client, LocalCluster
from distributed.client import FutureCancelledError

from course_lib.grading.cluster import ClusterError, fingerprint, other_graders, told_by
from course_lib.grading.farm import DESERTED, NOBODY, Farm, Task, result_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SUBMISSIONS = 10


def _beside(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


faults, certificates, clusters = _beside("test_faults"), _beside("certificates"), _beside("clusters")


def grading(root, *options):
    command = [sys.executable, "-m", "course_lib.grading.cli", "grade", "toy", "--course", str(root)]
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module")
def cluster(walled, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    made = clusters.Cluster(folder, certificates.write_certificates(folder))
    yield made
    made.close()


@pytest.fixture(scope="module")
def here(toy, walled, tmp_path_factory):
    """A class that was graded on this machine."""
    root = faults.make_class(toy, tmp_path_factory.mktemp("here"), SUBMISSIONS)
    run = grading(root, "--jobs", "2")
    said = run.communicate()[0]
    assert run.returncode == 0, said
    return SimpleNamespace(root=root, results=faults.results(root))


def wait_for(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worker_with_another_grader_is_named_and_nothing_is_graded(toy, cluster, tmp_path):
    shutil.copytree(ROOT / "course_lib", tmp_path / "lib" / "course_lib")
    with open(tmp_path / "lib" / "course_lib" / "grading" / "words.py", "a") as file:
        file.write("# another version\n")
    other = cluster.worker(PYTHONPATH=str(tmp_path / "lib"))
    try:
        root = faults.make_class(toy, tmp_path / "course", 1)
        said = None
        for _ in range(5):  # until it has joined
            run = grading(root, *cluster.options)
            said = run.communicate()[0]
            if run.returncode:
                break
            shutil.rmtree(root / "autograded")
        assert run.returncode == 1
        assert "would grade with course_lib/grading" in said
        assert "install the same there" in said
        assert "Traceback" not in said
    finally:
        other.terminate()
        other.wait()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_cluster_gives_the_same_results_even_if_a_worker_is_lost(toy, cluster, here, tmp_path):
    root = faults.make_class(toy, tmp_path, SUBMISSIONS)
    run = grading(root, *cluster.options)
    assert wait_for(lambda: len(list(root.glob("autograded/*/toy/.graded.json"))) >= 2 or run.poll(), 200)
    lost = cluster.workers[0]
    below = psutil.Process(lost.pid).children(recursive=True)
    lost.send_signal(signal.SIGKILL)
    said = run.communicate()[0]
    assert run.returncode == 0, said
    assert f"{SUBMISSIONS} graded" in said
    assert faults.results(root) == here.results
    assert below
    assert wait_for(lambda: not any(p.is_running() and p.status() != "zombie" for p in below), 15)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:9"])
def test_a_scheduler_that_is_not_encrypted_is_refused(toy, tmp_path, address):
    run = grading(faults.make_class(toy, tmp_path, 1), "--scheduler", address)
    said = run.communicate()[0]
    assert run.returncode == 1
    assert "is not encrypted: everybody on that network can run code as you" in said
    assert "Traceback" not in said


def test_missing_certificates_are_named(toy, tmp_path):
    run = grading(faults.make_class(toy, tmp_path, 1), "--scheduler", "tls://127.0.0.1:9")
    assert "needs --tls-ca, --tls-cert, --tls-key" in run.communicate()[0]
    assert run.returncode == 1


def test_a_worker_without_the_library_is_told_apart_from_one_with_another_version():
    found = {"tls://a": fingerprint(), "tls://b": "no course_lib", "tls://c": fingerprint() + "1"}
    problems = other_graders(found)
    assert len(problems) == 2
    assert problems[0].startswith("the worker tls://b would grade with no course_lib, but here is")


def test_a_scheduler_that_is_lost_before_a_result_is_there_is_named_and_a_tasks_own_error_is_a_result():
    def lost():
        raise OSError("in ConnectionPool.gather: Stream is closed")

    def cancelled():
        raise FutureCancelledError("grade-toy", "lost")

    own = OSError("no space left")
    assert result_of(SimpleNamespace(exception=lambda: own)) is own
    assert result_of(SimpleNamespace(exception=lambda: None, result=lambda: {"passed": {}})) == {"passed": {}}
    for call in (lost, cancelled):
        for future in (SimpleNamespace(exception=call), SimpleNamespace(exception=lambda: None, result=call)):
            with pytest.raises(ClusterError, match="the scheduler is gone"):
                result_of(future)


def test_a_worker_that_is_lost_while_it_is_looked_at_is_passed_over():
    answers = {"tls://a": "fine", "tls://b": OSError("lost")}
    client = SimpleNamespace(run=lambda function, on_error: answers)
    assert told_by(client, fingerprint) == {"tls://a": "fine"}
    answers["tls://c"] = RuntimeError("a fault of its own")
    with pytest.raises(RuntimeError, match="of its own"):
        told_by(client, fingerprint)


def test_a_scheduler_that_is_gone_is_told_in_words():
    def lost(*_, **__):
        raise OSError("Stream is closed")

    client = SimpleNamespace(run=lost, nthreads=lost)
    farm = Farm(scheduler="tls://127.0.0.1:9")
    farm._client = client
    for ask in (farm._width, lambda: told_by(client, fingerprint)):
        with pytest.raises(ClusterError, match="the same command goes on from here"):
            ask()


def test_a_cluster_without_workers_is_named_and_goes_on_when_one_comes(walled, toy, assignment, monkeypatch):
    said = []
    with (
        LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            processes=False,
            scheduler_kwargs={"dashboard_address": NOBODY},
            worker_dashboard_address=NOBODY,
        ) as cluster,
        Client(cluster) as client,
        Farm(scheduler="somewhere") as farm,
    ):

        def warn(text):
            said.append(text)
            cluster.scale(1)

        monkeypatch.setattr("course_lib.grading.farm.PATIENCE", 0.2)
        monkeypatch.setattr("course_lib.grading.farm.log.warning", warn)
        farm._client = client
        task = Task("ada", json.dumps(toy.notebook()).encode(), "mark")
        (result,) = [result for _, result in farm.run(assignment, [task])]
    assert result["passed"] == dict.fromkeys(toy.tests, True)
    assert said[0] == DESERTED
