"""A station grades one submission after another: a trusted process that forks testers, and one wall.

    python -m course_lib.grading.station FD '{"unsafe": false, "limits": {}}'

It has imported PyTorch once, so a tester costs a fork. It watches the wall's memory and the tester's time.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from course_lib.grading.assignment import Assignment
from course_lib.grading.inside.seeding import seed_everything
from course_lib.grading.inside.server import die_with_parent
from course_lib.grading.plan import Plan, make_plan
from course_lib.grading.scratch import scratch
from course_lib.grading.tester import Cell, Limits, Tester
from course_lib.grading.wall import WATCH, Wall, WallError
from course_lib.refusal import refused_uses

EMPTY: dict[str, Any] = {"items": {}, "outputs": {}, "errors": {}, "incidents": []}
PATIENCE = 20.0  # seconds that a tester may need beyond the student's time
TESTER_MEMORY = 3 << 30
TRIES = 2  # how often a submission is graded whose wall fell


def main(descriptor: int, unsafe: bool, limits: Limits) -> None:
    """Serve grading jobs until the other side hangs up."""
    die_with_parent()
    jobs = Pipe(descriptor)
    desk = Desk(Wall(unsafe), limits)
    _warm_up()
    try:
        desk.wall.start()
    except WallError as error:
        jobs.send({"error": str(error)})
        return
    jobs.send({"ready": True})
    with scratch("station") as folder:
        while True:
            try:
                job = jobs.recv()
            except EOFError:
                break
            if job["assignment"] is not None:
                desk.prepare(job["assignment"], folder)
            jobs.send(desk.grade(job["cells"]))
        desk.wall.close()


def _warm_up() -> None:
    """Import what testers need, so that each of them has it from the start."""
    import torch

    torch.set_num_threads(1)
    x = torch.ones(2, requires_grad=True)
    (x * x).sum().backward()
    import IPython.display  # noqa: F401  (setup cells use it)
    from torch.autograd import gradcheck

    gradcheck(torch.sin, (torch.ones(1, dtype=torch.float64, requires_grad=True),))
    seed_everything(0)
    refused_uses(["x = 1"], [])
    gc.collect()
    gc.freeze()


class TesterError(RuntimeError):
    """The tester ended without a report, long before its time was over."""


@dataclass
class Desk:
    """Where one station grades: its wall, and what it knows of the assignment it is at."""

    wall: Wall
    limits: Limits = Limits()  # noqa: RUF009  (frozen)
    files: dict[str, bytes] = field(default_factory=dict)
    plan: Plan | None = None
    folder: Path = Path("/")

    def prepare(self, assignment: Assignment, folder: Path) -> None:
        """Read an assignment, and lay its files out in `folder` for the testers."""
        self.plan, self.files, self.folder = make_plan(assignment.source), assignment.files, folder
        for name in self.plan.imports:
            with contextlib.suppress(ImportError):  # the test that needs it says so
                importlib.import_module(name)
        gc.freeze()
        self.wall.refuse(self.plan.refused)
        for kind, files in (("files", assignment.files), ("hidden", assignment.hidden)):
            shutil.rmtree(folder / kind, ignore_errors=True)
            (folder / kind).mkdir()
            for name, content in files.items():
                path = folder / kind / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def grade(self, cells: list[Cell]) -> dict[str, Any]:
        """The tester's report on one submission, as a dict; "failed" in it says why there is none.

        A wall that falls, or a tester that ends, may have done so by itself, so everything is done once
        more. If the wall falls again, it was the submission, and that goes on behind a new one without the
        cell or call that did it; if the tester ends again, there is no result.
        """
        incidents: list[str] = []
        for attempt in range(1, TRIES + 1):
            try:
                result = self._with_tester(cells, patient=attempt == TRIES)
                return result | {"incidents": incidents + result["incidents"]}
            except WallError as error:
                incidents.append(f"the wall fell: {error}")
                self.wall.start()
            except TesterError as error:
                incidents.append(str(error))
        return EMPTY | {"incidents": incidents, "failed": incidents[-1]}

    def _with_tester(self, cells: list[Cell], *, patient: bool) -> dict[str, Any]:
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            try:
                ours.close()
                os.close(reading)
                self._be_tester(cells, theirs, writing)
            finally:
                os._exit(1)
        theirs.close()
        os.close(writing)
        try:
            text, incidents = self._attend(ours, reading, patient)
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            ours.close()
            os.close(reading)
        result = _read(text)
        if result is None and time.monotonic() - began < self.limits.total:
            self._clear([])
            raise TesterError("the tester ended before it had a result")
        if result is None:
            result = dict(EMPTY)
            incidents.append("the tester did not finish")
        result["incidents"] = [*result["incidents"], *incidents]
        result["seconds"] = time.monotonic() - began
        self._clear(result["incidents"])
        return result

    def _clear(self, incidents: list[str]) -> None:
        """Leave nothing of a submission behind the wall; if that cannot be done, build a new one."""
        try:
            self.wall.clean()
        except WallError as error:
            incidents.append(f"the wall had to be built again: {error}")
            self.wall.start()

    def _attend(self, ours: socket.socket, reading: int, patient: bool) -> tuple[bytes, list[str]]:
        """Give the tester workers as it asks for them, watch memory and time, and take its report."""
        deadline = time.monotonic() + self.limits.total + PATIENCE
        chunks: list[bytes] = []
        incidents: list[str] = []
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
                    with self._worker(incidents if patient else None) as connection:
                        socket.send_fds(ours, [b"w"], [connection.fileno()])
            elif excess := self.wall.excess():
                said = f"{excess}: what ran was ended"
                incidents += [] if said in incidents else [said]
                self.wall.start()  # asks nothing of processes that may be stopped
        return b"".join(chunks), incidents

    def _worker(self, incidents: list[str] | None) -> socket.socket:
        """A connection to a new worker, behind a new wall if the old one fell and the fall may be noted."""
        try:
            return self.wall.worker(self.files)
        except WallError as error:
            if incidents is None:
                raise
            incidents.append(f"the wall had to be built again: {error}")
            self.wall.start()
            return self.wall.worker(self.files)

    def _be_tester(self, cells: list[Cell], ask: socket.socket, writing: int) -> None:
        """The tester's process: grade, and write the report as JSON."""
        die_with_parent()
        resource.setrlimit(resource.RLIMIT_DATA, (TESTER_MEMORY, TESTER_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        def new_worker() -> socket.socket:
            ask.sendall(b"w")
            _, descriptors, _, _ = socket.recv_fds(ask, 1, 1)
            if not descriptors:
                raise OSError("no worker")
            return socket.socket(fileno=descriptors[0])

        os.chdir(self.folder / "files")
        assert self.plan is not None
        report = Tester(self.plan, cells, new_worker, self.folder / "hidden", self.limits).run()
        text = json.dumps(asdict(report)).encode()
        while text:
            text = text[os.write(writing, text) :]
        os._exit(0)


def _read(report: bytes) -> dict[str, Any] | None:
    """A tester's report; None if it is not whole."""
    try:
        return dict(json.loads(report))
    except ValueError:
        return None


if __name__ == "__main__":
    options = json.loads(sys.argv[2])
    main(int(sys.argv[1]), options["unsafe"], Limits(**options["limits"]))
