"""A station grades one submission after another: a trusted process that forks testers, and one wall.

    python -m course_lib.grading.station FD [--unsafe]

It has imported PyTorch once, so a tester costs a fork. It watches the wall's memory and the tester's time.
"""

import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import tempfile
import time
from dataclasses import asdict
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from course_lib.grading.inside.server import die_with_parent
from course_lib.grading.wall import MEMORY, Wall, WallError

WATCH = 0.05  # seconds between two looks at the wall's memory
PATIENCE = 20.0  # seconds that a tester may need beyond the student's time
TESTER_MEMORY = 6 << 30
TRIES = 2  # a wall that falls is built again once for the same submission


def main(descriptor: int, unsafe: bool) -> None:
    """Serve grading jobs until the other side hangs up."""
    die_with_parent()
    jobs = Pipe(descriptor)
    wall = Wall(unsafe)
    _warm_up()
    try:
        wall.start()
    except WallError as error:
        jobs.send({"error": str(error)})
        return
    jobs.send({"ready": True})
    while True:
        try:
            job = jobs.recv()
        except EOFError:
            break
        jobs.send(grade_job(job, wall))
    wall.close()


def _warm_up() -> None:
    """Import what testers need, so that each of them has it from the start."""
    import torch

    from course_lib.grading import tester  # noqa: F401

    torch.set_num_threads(1)
    x = torch.ones(2, requires_grad=True)
    (x * x).sum().backward()
    import IPython.display  # noqa: F401  (setup cells use it)
    from torch.autograd import gradcheck

    gradcheck(torch.sin, (torch.ones(1, dtype=torch.float64, requires_grad=True),))
    gc.collect()
    gc.freeze()


def grade_job(job: dict[str, Any], wall: Wall) -> dict[str, Any]:
    """Grade one submission: {"source", "cells", "files", "hidden"} in, the tester's report as a dict out."""
    for _ in range(TRIES):
        try:
            return _with_tester(job, wall)
        except WallError as error:
            incident = f"the wall fell: {error}"
            wall.start()
    return {"items": {}, "outputs": {}, "errors": {}, "incidents": [incident], "failed": incident}


def _with_tester(job: dict[str, Any], wall: Wall) -> dict[str, Any]:
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            ours.close()
            os.close(reading)
            _be_tester(job, theirs, writing)
        finally:
            os._exit(1)
    theirs.close()
    os.close(writing)
    try:
        text, incidents = _attend(job, wall, ours, reading)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        ours.close()
        os.close(reading)
    result: dict[str, Any] = {"items": {}, "outputs": {}, "errors": {}, "incidents": []}
    if text:
        result = json.loads(text)
    else:
        incidents.append("the tester did not finish")
    result["incidents"] += incidents
    result["seconds"] = time.monotonic() - began
    wall.clean()
    return result


def _attend(job: dict[str, Any], wall: Wall, ours: socket.socket, reading: int) -> tuple[bytes, list[str]]:
    """Give the tester workers as it asks for them, watch memory and time, and take its report."""
    from course_lib.grading.tester import TOTAL_SECONDS

    deadline = time.monotonic() + TOTAL_SECONDS + PATIENCE
    chunks: list[bytes] = []
    incidents: list[str] = []
    too_much = 0
    sources: list[Any] = [ours, reading]
    while time.monotonic() < deadline:
        ready, _, _ = select.select(sources, [], [], WATCH)
        if reading in ready:
            chunk = os.read(reading, 1 << 20)
            if not chunk:
                break
            chunks.append(chunk)
        elif ours in ready:
            if ours.recv(1):
                with wall.worker(job["files"]) as connection:
                    socket.send_fds(ours, [b"w"], [connection.fileno()])
        elif wall.memory() > MEMORY:
            too_much += 1
            if too_much == 1:
                incidents.append(f"more than {MEMORY >> 30} GiB of memory: what ran was ended")
            wall.clean()
    return b"".join(chunks), incidents


def _be_tester(job: dict[str, Any], ask: socket.socket, writing: int) -> None:
    """The tester's process: grade, and write the report as JSON."""
    from course_lib.grading.plan import make_plan
    from course_lib.grading.tester import Cell, Tester

    die_with_parent()
    resource.setrlimit(resource.RLIMIT_DATA, (TESTER_MEMORY, TESTER_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def new_worker() -> socket.socket:
        ask.sendall(b"w")
        _, descriptors, _, _ = socket.recv_fds(ask, 1, 1)
        if not descriptors:
            raise OSError("no worker")
        return socket.socket(fileno=descriptors[0])

    with tempfile.TemporaryDirectory(prefix="tester-") as folder:
        for kind in ("files", "hidden"):
            for name, content in job[kind].items():
                path = Path(folder) / kind / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        (Path(folder) / "files").mkdir(exist_ok=True)
        os.chdir(Path(folder) / "files")
        cells = [Cell(**cell) for cell in job["cells"]]
        report = Tester(make_plan(job["source"]), cells, new_worker, Path(folder) / "hidden").run()
        os.chdir("/")
    text = json.dumps(asdict(report)).encode()
    while text:
        text = text[os.write(writing, text) :]
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), "--unsafe" in sys.argv)
