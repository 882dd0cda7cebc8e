"""Start stations and give them work; one that dies is replaced, and its submission graded again."""

import atexit
import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from multiprocessing.connection import Connection as Pipe
from typing import Any

from course_lib.grading.assignment import Assignment
from course_lib.grading.inside.server import FORKING
from course_lib.grading.tester import TOTAL_SECONDS, Cell, Limits

READY_SECONDS = 90.0
JOB_SECONDS = 3 * TOTAL_SECONDS
TRIES = 2


class StationError(RuntimeError):
    """No station can be started, or it died over one submission again and again."""


class Station:
    """A grading process of this machine, started when it is first needed.

    Args:
        unsafe: grade without a wall.
        limits: seconds that a submission may take.
    """

    def __init__(self, *, unsafe: bool = False, limits: Limits = Limits()) -> None:  # noqa: B008  (frozen)
        self.unsafe, self.limits = unsafe, limits
        self.process: subprocess.Popen[bytes] | None = None
        self.pipe: Pipe | None = None
        self.knows = ""  # the mark of the assignment that the process has

    def grade(self, assignment: Assignment, cells: list[Cell]) -> dict[str, Any]:
        """The tester's report on one submission, as `station.Desk.grade` gives it.

        Raises:
            StationError: if there is no wall, or the station dies each time.
        """
        for _ in range(TRIES):
            pipe = self._start()
            try:
                new = None if self.knows == assignment.mark else assignment
                pipe.send({"assignment": new, "cells": cells})
                self.knows = assignment.mark
                if pipe.poll(JOB_SECONDS):
                    return dict(pipe.recv())
            except (OSError, EOFError):
                pass
            self.close()
        raise StationError("the grading process died or hung over this submission")

    def _start(self) -> Pipe:
        if self.pipe is not None:
            return self.pipe
        ours, theirs = socket.socketpair()
        options = json.dumps({"unsafe": self.unsafe, "limits": asdict(self.limits)})
        command = [sys.executable, "-m", "course_lib.grading.station", str(theirs.fileno()), options]
        with theirs:
            self.process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=os.environ | FORKING,
            )
        self.pipe = Pipe(ours.detach())
        atexit.register(self.close)
        try:
            said = self.pipe.recv() if self.pipe.poll(READY_SECONDS) else {"error": "it does not start"}
        except (EOFError, OSError):
            said = {"error": "it ended while starting"}
        if "error" in said:
            self.close()
            raise StationError(said["error"])
        return self.pipe

    def close(self) -> None:
        """End the process and the wall with it."""
        atexit.unregister(self.close)
        if self.pipe is not None:
            self.pipe.close()
        if self.process is not None:
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = self.pipe = None
        self.knows = ""
