"""The student's side of the wire: runs cells, then answers questions about what they defined.

It runs beside the student's code, in its process, so nothing it says is believed except as the value of a
call. The tester asks; one question has one answer.
"""

import contextlib
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import torch
from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor

from .outputs import Outputs, Stream
from .seeding import seed_everything
from .wire import Handle, Message, WireError, pack, receive, send

GRACE = 1.5  # seconds between the polite and the hard end of a test's code
gradient = torch.autograd.grad  # kept, because an assignment may refuse it to the student
CELL = "cell "  # how file names of cells begin in tracebacks
REHEARSAL = """
import math, numpy as np, torch
from IPython.display import SVG, display
torch.manual_seed(0)
display(SVG(data="<svg xmlns='http://www.w3.org/2000/svg'/>"))
print(torch.ones(1))
double = lambda x: 2 * x
1 / 0
"""
PLAIN = (bool, int, float, complex, str, Tensor, np.ndarray, np.generic, torch.dtype, type(None))


class TookTooLongError(TimeoutError):
    """The student's code did not finish in its time."""


class Worker:
    """Answers the tester's questions on one connection, until it is closed."""

    def __init__(self, connection: socket.socket, shell: InteractiveShell) -> None:
        self.connection, self.shell = connection, shell
        self.stream = Stream()
        self.objects: list[Any] = []  # what stays here and is known outside by its number
        self.graphs: list[
            tuple[list[Tensor], list[Tensor]]
        ] = []  # outputs and inputs of differentiable calls
        self._redirect()

    def _redirect(self) -> None:
        sys.stdout = sys.stderr = self.stream
        shell = self.shell
        shell.display_pub = _Publisher(self.stream)
        shell.display_trap.hook = CapturingDisplayHook(shell=shell, outputs=_Values(self.stream))
        for name in ("showtraceback", "showsyntaxerror", "showindentationerror"):
            setattr(shell, name, _nothing)  # errors are reported, not printed
        shell.compile.get_code_name = lambda *_: self.cell_name

    cell_name = CELL
    is_copy = False

    def serve(self) -> None:
        """Answer until the tester hangs up."""
        while True:
            try:
                question = receive(self.connection, None)
            except EOFError:
                return
            if question.get("in_test") and not self.is_copy:
                continue  # it was meant for a copy that has ended meanwhile
            if question.get("op") == "begin":
                self._begin(question)
            elif question.get("op") == "end":
                os._exit(0)
            else:
                self._reply(question)

    def _reply(self, question: Message) -> None:
        answer: Message = {"id": question["id"]}
        try:
            with self._limit(float(question.get("seconds", 10.0))):
                answer |= getattr(self, f"do_{question['op']}")(question)
        except BaseException as error:
            answer["error"] = describe(error)
        try:
            data = pack(answer)
        except WireError as error:
            data = pack({"id": question["id"], "error": describe(error)})
        send(self.connection, data, None)

    def _begin(self, question: Message) -> None:
        """Let a copy of this process answer the questions of one or a few tests; others see no traces."""
        child = os.fork()
        if child == 0:
            self.is_copy = True
            os.setpgid(0, 0)  # so that what it starts can be ended with it
            self._reply(question | {"op": "test"})
            return
        _wait_for(child, question["seconds"] + GRACE)
        send(self.connection, pack({"ended": question["id"]}), None)

    @contextlib.contextmanager
    def _limit(self, seconds: float) -> Iterator[None]:
        def too_long(_: int, __: FrameType | None) -> NoReturn:
            raise TookTooLongError(f"it ran for more than {seconds:g} seconds")

        signal.signal(signal.SIGALRM, too_long)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    # The questions, one method each.

    def do_import(self, question: Message) -> Message:
        """Load modules now that the student's functions import later, in every copy of this process."""
        for name in question["names"]:
            with contextlib.suppress(Exception):  # if it is called, it will say so itself
                importlib.import_module(name)
        return {"value": None}

    def do_test(self, question: Message) -> Message:
        """Begin a test: the usual random numbers, and what kind of thing each name stands for."""
        seed_everything(question["seed"])
        self.objects.clear()
        self.graphs.clear()
        return {"value": {name: self._kind(name) for name in question["names"]}}

    def do_exec(self, question: Message) -> Message:
        """Run a cell as Jupyter would, magics and all."""
        self.cell_name, self.stream.target = CELL + question["name"], Outputs()
        result = self.shell.run_cell(question["source"], store_history=False)
        error = result.error_before_exec or result.error_in_exec
        answer: Message = {"outputs": self.stream.target.plain()}
        return answer | ({"error": describe(error)} if error else {})

    def do_get(self, question: Message) -> Message:
        """The value of a name, or a handle on it."""
        return {"value": self._out(self.shell.user_ns[question["name"]])}

    def do_call(self, question: Message) -> Message:
        """Call what a name or a handle stands for."""
        target = question["target"]
        function = self._in(target) if isinstance(target, Handle) else self.shell.user_ns[target]
        arguments, options = self._in(question["args"]), self._in(question["kwargs"])
        with torch.set_grad_enabled(question["grad"]):
            value = function(*arguments, **options)
        inputs = [t for t in (*arguments, *options.values()) if isinstance(t, Tensor) and t.requires_grad]
        outputs = [t for t in _tensors(value) if t.requires_grad]
        if not (inputs and outputs):
            return {"value": self._out(value)}
        self.graphs.append((outputs, inputs))
        return {"value": self._out(value), "graph": len(self.graphs) - 1}

    def do_attribute(self, question: Message) -> Message:
        """An attribute of an object that stays here."""
        return {"value": self._out(getattr(self._in(question["target"]), question["attribute"]))}

    def do_gradient(self, question: Message) -> Message:
        """The vector-Jacobian product of an earlier call."""
        outputs, inputs = self.graphs[question["graph"]]
        used = [(o, g) for o, g in zip(outputs, question["gradients"], strict=True) if g is not None]
        ends, gradients = [o for o, _ in used], [g for _, g in used]
        found = gradient(ends, inputs, gradients, retain_graph=True, allow_unused=True)
        return {"value": list(found)}

    def _kind(self, name: str) -> str:
        if name not in self.shell.user_ns:
            return "missing"
        return "callable" if callable(self.shell.user_ns[name]) else "value"

    def _out(self, value: Any) -> Any:
        """The value as it may cross the wire; objects become handles."""
        if isinstance(value, PLAIN):
            return value
        if type(value) in (list, tuple, torch.Size) or (
            isinstance(value, tuple) and hasattr(value, "_fields")
        ):
            items = [self._out(item) for item in value]
            return items if isinstance(value, list) else tuple(items)
        if isinstance(value, dict):
            return {key: self._out(item) for key, item in value.items()}
        self.objects.append(value)
        return Handle(len(self.objects) - 1)

    def _in(self, value: Any) -> Any:
        if isinstance(value, Handle):
            return self.objects[value.number]
        if isinstance(value, list | tuple):
            return type(value)(self._in(item) for item in value)
        if isinstance(value, dict):
            return {key: self._in(item) for key, item in value.items()}
        return value


class _Publisher(DisplayPublisher):
    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    def publish(self, data: dict[str, Any], *_: object, **__: object) -> None:
        self.stream.target.show(data, value=False)

    def clear_output(self, wait: bool = False) -> None:
        """Nothing: what was shown stays."""


class _Values(list):
    """The list into which IPython puts the value of a cell's last line."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    def append(self, item: Any) -> None:
        self.stream.target.show(item["data"], value=True)


def _wait_for(child: int, seconds: float) -> None:
    """Wait until a process has ended, at most that many seconds; end it and what it has started."""
    watched = os.pidfd_open(child)
    select.select([watched], [], [], seconds)
    for end in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            end(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(watched)


def _nothing(*_: object, **__: object) -> None:
    pass


def _tensors(value: Any) -> list[Tensor]:
    """The tensors in a value, in the order in which the wire sends them."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [t for item in value.values() for t in _tensors(item)]
    return [t for item in value for t in _tensors(item)] if isinstance(value, list | tuple) else []


def describe(error: BaseException) -> list[str]:
    """An error as [type, message, traceback]; of the traceback only the frames in the student's cells."""
    try:
        kind, text = type(error).__name__[:80], str(error)[:2000]
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(CELL)]
        trace = "".join(traceback.format_list(frames[-6:]))
        if isinstance(error, SyntaxError):
            trace = "".join(traceback.format_exception_only(error))
        return [kind, text, trace[:4000]]
    except BaseException:
        return ["Error", "", ""]


def rehearse(shell: InteractiveShell) -> list[str]:
    """Do once what submissions do: what is loaded and made on the way is then there in every fork.

    Returns:
        The kind of error in each answer, "" for none.
    """
    standard = sys.stdout, sys.stderr
    ours, theirs = socket.socketpair()
    worker = Worker(theirs, shell)
    call = {"target": "double", "args": (torch.ones(1, requires_grad=True),), "kwargs": {}, "grad": True}
    gradient = {"graph": 0, "gradients": [torch.ones(1)]}
    errors = []
    for question in (
        {"op": "exec", "name": "rehearsal", "source": REHEARSAL},
        {"op": "test", "seed": 0, "names": ["double"]},
        {"op": "call", **call},
        {"op": "gradient", **gradient},
    ):
        send(ours, pack({"id": 0, **question}), None)
        worker._reply(receive(theirs, None))
        errors.append(receive(ours, None).get("error", [""])[0])
    ours.close()
    theirs.close()
    sys.stdout, sys.stderr = standard
    shell.reset(new_session=False)
    return errors


def serve(connection: socket.socket, shell: InteractiveShell) -> None:
    """Answer one tester's questions."""
    seed_everything(0)
    shell.user_ns["__name__"] = "__main__"
    Worker(connection, shell).serve()
