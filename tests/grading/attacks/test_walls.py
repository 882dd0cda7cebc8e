# ruff: noqa: E501  (an attack reads best on one line)
"""Two submissions at a time, the doctor where there is no wall, and the station's own troubles."""

import contextlib
import os
import signal
import subprocess
import threading
import time

import psutil
import pytest

from course_lib.grading import doctor
from course_lib.grading.processes import files, sockets
from course_lib.grading.proxy import Connection
from course_lib.grading.stations import Station
from course_lib.grading.wall import Wall, WallError

NOISE = """
import os, socket, threading, time
def shout():
    s = socket.socket(1, socket.SOCK_DGRAM); s.bind('\\0shared')
    while True:
        for name in ('/tmp/shared', '/dev/shm/shared'): open(name, 'w').write('LEAK')
        for pid in filter(str.isdigit, os.listdir('/proc')):
            if int(pid) not in (1, os.getpid(), os.getppid()): os.kill(int(pid), 9)
threading.Thread(target=shout, daemon=True).start()
time.sleep(2)
"""


def test_an_attacker_beside_an_honest_submission_does_not_reach_it(toy, assignment, quick_station, tools):
    other = Station(limits=tools.QUICK)
    found = []
    beside = threading.Thread(
        target=lambda: found.append(tools.grade(toy, assignment, other, extras=[NOISE]))
    )
    try:
        tools.grade(toy, assignment, other)
        beside.start()
        time.sleep(0.3)
        honest = [tools.look_around(toy, assignment, quick_station) for _ in range(4)]
        beside.join()
    finally:
        other.close()
    assert [graded.passed for graded in honest] == [dict.fromkeys(toy.tests, True)] * 4
    assert found[0].incidents


HARMLESS = {"no network", "no process outside can be seen", "system calls are filtered", "no memory outside of the accounts",
            "the course and home folders cannot be seen"}  # fmt: skip


def test_the_doctor_finds_no_wall_where_there_is_none(monkeypatch):
    """Else it would prove nothing where it finds one. Only what does no harm is tried without a wall."""
    monkeypatch.setattr(doctor, "PROBES", {name: doctor.PROBES[name] for name in HARMLESS})
    monkeypatch.setattr(doctor, "AFTER", {})
    monkeypatch.setattr(doctor, "LEAVE", "")
    monkeypatch.setattr(doctor, "_bomb", lambda wall: doctor.Finding("a bomb", False))
    wall = Wall(unsafe=True)
    wall.start()
    try:
        assert [finding.name for finding in doctor._probe(wall) if finding.holds] == []
    finally:
        wall.close()


def test_the_doctor_finds_every_part_of_the_wall(walled):
    assert [finding for finding in doctor.examine() if not finding.holds] == []


def _server(station):
    """The fork server of a station's wall."""
    (top,) = psutil.Process(station.process.pid).children()
    return next(p for p in top.children(recursive=True) if "python" in p.name())


@pytest.mark.parametrize("blow", ["fork server", "wall", "station"])
def test_whoever_kills_a_part_of_the_grader_costs_nobody_a_point(blow, toy, assignment, quick_station, tools):
    tools.grade(toy, assignment, quick_station)
    station = psutil.Process(quick_station.process.pid)
    victims = {"fork server": lambda: _server(quick_station), "wall": lambda: station.children()[0]}
    victim = victims.get(blow, lambda: station)()
    os.kill(victim.pid, signal.SIGKILL)
    graded = tools.grade(toy, assignment, quick_station)
    assert tools.failed(graded) == set()
    assert not graded.failed


@pytest.fixture
def wall(walled):
    with contextlib.closing(Wall()) as made:
        made.start()
        yield made


def server_of(wall):
    """The fork server, whatever the wall is built of."""
    if wall.kind != "bubblewrap":
        return psutil.Process(wall._container.server)
    return psutil.Process(wall.process.pid).children(recursive=True)[-1]


def test_a_server_that_was_stopped_is_not_waited_for(wall):
    server_of(wall).suspend()
    began = time.monotonic()
    with pytest.raises(WallError, match="was stopped"):
        wall.clean()
    assert time.monotonic() - began < 6


def test_a_wall_whose_server_is_silent_and_takes_memory_is_taken_down_at_once(wall, monkeypatch):
    monkeypatch.setattr(Wall, "_is_stopped", lambda wall: False)  # as if it were busy
    monkeypatch.setattr("course_lib.grading.wall.MEMORY", 300 << 20)
    server = server_of(wall)
    worker = Connection(wall.worker({}), time.monotonic() + 30)
    source = "a = bytearray(1 << 29)\nfor i in range(0, 1 << 29, 4096): a[i] = 1"
    worker.ask("exec", name="c", source=source)
    server.suspend()
    assert "GiB" in wall.excess()
    began = time.monotonic()
    with pytest.raises(WallError, match="does not end"):
        wall.clean()
    assert time.monotonic() - began < 6


def test_sockets_and_files_are_counted(wall):
    server = server_of(wall)
    worker = Connection(wall.worker({}), time.monotonic() + 30)
    worker.ask(
        "exec",
        name="c",
        source="import socket\nkept = [socket.socketpair() for _ in range(100)]\nfor i in range(50): open(f'/dev/shm/{i}', 'w')",
    )
    (pid,) = (child.pid for child in server.children())
    assert 200 <= sockets(pid) < 260
    assert 50 <= files(pid) < 80
    assert wall.excess() == ""


def test_nothing_outlives_the_walls_first_process_even_if_it_is_stopped(wall):
    """A server that runs ends with its connection; one that a student stopped does not."""
    if wall.kind != "bubblewrap":
        pytest.skip("a container's processes are the engine's children, and removed by its name")
    inside = psutil.Process(wall.process.pid).children(recursive=True)
    try:
        server_of(wall).suspend()
        wall.process.kill()
        assert psutil.wait_procs(inside, timeout=10)[1] == []
    finally:
        for process in inside:
            with contextlib.suppress(psutil.Error):
                process.kill()


def test_a_wall_that_is_watched_by_nobody_is_taken_down(wall):
    """Its first process may be killed before the others have been told to die with it."""
    first = wall.process
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
        wall.process = ended
        with pytest.raises(WallError, match="first process ended"):
            wall.clean()
    first.wait(timeout=30)  # the server ends with the connection, and the wall with the server
