"""The wall of Podman or Docker, which is built where bubblewrap does not start.

What needs an engine is skipped, and says so, where none works. That is no failure in continuous integration
either: it installs bubblewrap, which is taken first, and tests an engine if its machine has one.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_lib.grading import container, doctor, view
from course_lib.grading.container import ENGINES, Container, EngineError
from course_lib.grading.grade import grade_bytes
from course_lib.grading.proxy import WorkerGoneError
from course_lib.grading.stations import Station
from course_lib.grading.wall import CHOICE, KINDS, Wall, WallError, problem

GONE = 10.0  # seconds in which a container without a grader has ended
STUBBORN = """
import os, signal, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
        os.closerange(0, 100); time.sleep(600)
"""
GRADER = f"""
import time
from course_lib.grading import doctor
from course_lib.grading.wall import Wall
wall = Wall()
print("starting", flush=True)
wall.start()
doctor._worker(wall).ask("exec", name="c", source={STUBBORN!r})
print("grading", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    """An engine that works here, chosen for all walls of the tests that use it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CHOICE, request.param)
        if why := problem():
            pytest.skip(f"THIS WALL IS NOT TESTED HERE: {why}")
        yield request.param


@pytest.fixture
def wall(engine):
    made = Wall()
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def grade(engine, toy, assignment):
    station = Station()

    def run(answers=None, extras=()):
        return grade_bytes(json.dumps(toy.notebook(answers, extras)).encode(), assignment, station)

    yield run
    station.close()


def missed(graded):
    return {name for name, passed in graded.passed.items() if not passed}


def test_right_and_wrong_answers_earn_what_they_earn_behind_bubblewrap(grade):
    right = grade()
    assert (missed(right), right.incidents, right.failed) == (set(), (), "")
    wrong = grade({"double": "def double(x):\n    return x.detach() * 2"})
    assert missed(wrong) == {"hidden_double"}  # it has no gradient


def test_a_submission_that_kills_what_it_can_costs_the_next_one_nothing(grade):
    assert grade(extras=["import os; os.kill(-1, 9)", "import os; os.kill(os.getppid(), 9)"]).incidents
    honest = grade()
    assert (missed(honest), honest.incidents) == (set(), ())


@pytest.fixture(scope="module")
def findings(engine):
    return {finding.name: finding for finding in doctor.examine()}


@pytest.mark.parametrize(
    "name",
    ["a wall can be built", *doctor.PROBES, *doctor.AFTER, "a fork bomb is stopped and cleared away"],
)
def test_the_doctor_proves_each_property_of_a_container(name, findings):
    assert findings[name].holds, findings[name].detail


def test_the_doctor_says_which_wall_it_examined(engine, findings):
    assert findings["a wall can be built"].detail.startswith(engine)


def test_system_calls_are_forbidden_for_some_arguments_only(wall):
    worker = doctor._worker(wall)
    calls = {
        "refused(lambda: socket.socket().setsockopt(1, 7, 9999))": True,  # SO_SNDBUF
        "refused(lambda: socket.socket().setsockopt(1, 9, 1))": False,  # SO_KEEPALIVE
        "refused(lambda: __import__('resource').setrlimit(7, (100, 100)))": False,
    }
    assert {call: doctor._try(worker, call, call).holds for call in calls} == calls


def test_refused_functions_are_refused_in_every_container_of_a_wall(wall):
    wall.refuse(("torch.lerp",))
    call = "__import__('torch').lerp(*[__import__('torch').ones(1)] * 2, 0.5)"
    for _ in range(2):
        assert doctor._try(doctor._worker(wall), "lerp", f"refused(lambda: {call})").holds
        wall.start()


def test_a_container_tells_no_name_of_the_machine(wall):
    worker = doctor._worker(wall)
    known = set(view.environment()) | {"TORCHINDUCTOR_CACHE_DIR"}  # PyTorch sets that one itself
    files = (
        "[f'/etc/{name}' for name in ('hosts', 'hostname', 'resolv.conf') if os.path.exists(f'/etc/{name}')]"
    )
    for expression in (
        "os.uname().nodename == 'grader'",
        f"set(os.environ) <= {known}",
        f"{socket.gethostname()!r} not in ''.join(open(file).read() for file in {files})",
        "not os.path.exists('/etc/resolv.conf') or open('/etc/resolv.conf').read() == ''",
    ):
        assert doctor._try(worker, "names", expression).holds, expression


def test_the_memory_of_everything_in_a_container_is_watched(wall, monkeypatch):
    monkeypatch.setattr("course_lib.grading.wall.MEMORY", 700 << 20)
    source = "a = [bytearray(1 << 29)]\nif os.fork() == 0:\n    a.append(bytearray(1 << 29)); time.sleep(600)"
    doctor._worker(wall).ask("exec", name="a", source=source)
    deadline = time.monotonic() + 10
    while not wall.excess() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "of memory" in wall.excess()
    wall.clean()
    assert wall.excess() == ""


def test_what_takes_memory_faster_than_anyone_looks_is_ended_by_the_engine(engine, monkeypatch, tmp_path):
    if os.geteuid() != 0 and not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        pytest.skip("Podman cannot limit memory for ordinary users of control groups of version 1")
    monkeypatch.setattr("course_lib.grading.wall.MEMORY", 400 << 20)
    monkeypatch.setattr("course_lib.grading.wall.SPARE", 400 << 20)
    monkeypatch.chdir(tmp_path)
    wall = Wall()
    wall.start()
    try:
        worker = doctor._worker(wall)
        with pytest.raises(WorkerGoneError):
            worker.ask("exec", name="a", source="a = [bytearray(1 << 26) for _ in range(30)]")
        wall.clean()  # the fork server lives
    finally:
        wall.close()
    assert list(tmp_path.iterdir()) == []  # nothing is written where the grader was started


def test_sockets_and_files_in_a_container_are_counted(wall, monkeypatch):
    worker = doctor._worker(wall)
    worker.ask("exec", name="a", source="kept = [socket.socketpair() for _ in range(100)]")
    monkeypatch.setattr("course_lib.grading.wall.SOCKETS", 150)
    assert "sockets" in wall.excess()
    monkeypatch.setattr("course_lib.grading.wall.SOCKETS", 1000)
    monkeypatch.setattr("course_lib.grading.wall.FILES", 50)
    assert wall.excess() == ""
    worker.ask("exec", name="b", source="for i in range(60): open(f'/dev/shm/{i}', 'w')")
    assert "files" in wall.excess()


def listed(engine, folder):
    """The containers of the graders that have their temporary folder there."""
    command = [engine, "ps", "--all", f"--filter=label={container.LABEL}", "--format", "{{.Labels}}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line for line in said.splitlines() if str(folder) in line]


@pytest.mark.parametrize("moment", ["starting", "grading"])
def test_a_grader_that_is_killed_leaves_no_container(moment, engine, tmp_path):
    grader = subprocess.Popen(
        [sys.executable, "-c", GRADER],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    while (said := grader.stdout.readline().strip()) != moment:
        assert said == "starting"
    deadline = time.monotonic() + GONE
    while not listed(engine, tmp_path) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert listed(engine, tmp_path)
    os.kill(grader.pid, signal.SIGKILL)
    grader.wait()
    deadline = time.monotonic() + GONE
    while listed(engine, tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert listed(engine, tmp_path) == []


def test_a_wall_that_is_closed_leaves_no_container_and_no_folder(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    wall = Wall()
    wall.start()
    doctor._worker(wall).ask("exec", name="c", source=STUBBORN)
    assert listed(engine, tmp_path)
    began = time.monotonic()
    wall.close()
    assert time.monotonic() - began < 2 * container.ENDING
    assert listed(engine, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_container_without_a_folder_is_forgotten_and_removed_and_no_other(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = [Container(engine, 1 << 30), Container(engine, 1 << 30)]
    for one in made:
        command = ["create" if word == "run" else word for word in one.prepare()]
        subprocess.run([word for word in command if word != "--rm"], check=True, capture_output=True)
    folder = str(made[1].folder)
    made[0].end(None)
    container._remove_forgotten(engine)
    (left,) = listed(engine, tmp_path)
    assert folder in left
    made[1].end(None)
    container._remove_forgotten(engine)
    assert listed(engine, tmp_path) == []


def test_an_engine_is_taken_where_the_others_are_not_installed(engine, monkeypatch):
    which, others = shutil.which, {"bwrap", *ENGINES} - {engine}
    monkeypatch.delenv(CHOICE)
    monkeypatch.setattr("shutil.which", lambda name: None if name in others else which(name))
    wall = Wall()
    wall.start()
    wall.close()
    assert wall.kind == engine
    assert "bubblewrap: it is not installed" in wall.passed_over


def starts(monkeypatch, works):
    """Let only walls of the kind `works` start; the list of what was tried grows."""
    tried = []

    def start(self, kind):
        tried.append(kind)
        if kind != works:
            raise WallError("it does not start")

    monkeypatch.delenv(CHOICE, raising=False)
    monkeypatch.setattr(Wall, "_start", start)
    return tried


@pytest.mark.parametrize("works", KINDS)
def test_the_first_kind_that_starts_is_taken_and_kept(works, monkeypatch):
    tried = starts(monkeypatch, works)
    wall = Wall()
    wall.start()
    assert tried == list(KINDS[: KINDS.index(works) + 1])
    wall.start()
    assert tried[len(KINDS[: KINDS.index(works) + 1]) :] == [works]


def test_without_any_kind_every_reason_is_told(monkeypatch):
    starts(monkeypatch, None)
    with pytest.raises(WallError, match="bubblewrap: it does not start; podman: it does not"):
        Wall().start()


def test_a_kind_that_is_asked_for_is_the_only_one_tried(monkeypatch):
    tried = starts(monkeypatch, None)
    monkeypatch.setenv(CHOICE, "docker")
    with pytest.raises(WallError, match=r"^docker: it does not start$"):
        Wall().start()
    assert tried == ["docker"]
    monkeypatch.setenv(CHOICE, "lxc")
    with pytest.raises(WallError, match=f"{CHOICE} is lxc"):
        Wall().start()


def test_python_in_a_folder_that_is_emptied_is_refused_for_every_kind(monkeypatch):
    tried = starts(monkeypatch, KINDS[0])
    monkeypatch.setattr("sys.base_prefix", "/tmp/python")
    with pytest.raises(WallError, match="Python itself lies in /tmp/python"):
        Wall().start()
    assert tried == []


def test_where_the_engine_has_another_kernel_there_is_no_wall_of_it(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(EngineError, match="only Linux"):
        Container("podman", 1 << 30).prepare()


def test_the_empty_root_may_be_entered_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        container._make_root(tmp_path / "root")
    finally:
        os.umask(before)
    folders = [path for path in (tmp_path / "root").rglob("*") if path.is_dir() and not path.is_symlink()]
    assert {oct(path.stat().st_mode & 0o777) for path in folders} == {"0o755", "0o777"}
    assert all(path.stat().st_size == 0 for path in (tmp_path / "root").rglob("*") if path.is_file())


def test_the_socket_lies_in_a_folder_with_a_name_of_any_length(tmp_path):
    made = Container("podman", 1 << 30)
    made._listen(tmp_path / ("a" * 120))
    assert (tmp_path / ("a" * 120) / container.SOCKET).is_socket()
    made.end(None)
