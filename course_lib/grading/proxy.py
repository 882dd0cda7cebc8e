"""The tester's side of the wire: questions to a worker, and names that stand for what it holds."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from course_lib.grading.inside.wire import Handle, Message, WireError, pack, receive, send

CALL_SECONDS = 10.0
GRACE = 3.0  # seconds more than the worker is told, before the connection is given up
MESSAGE = 500  # characters of the student's own error message that are kept


class StudentError(Exception):
    """The student's code raised an error, ran too long, or ended Python.

    Attributes:
        kind: the name of the error's type, as the worker tells it.
        trace: the student's lines that led to it, as the worker tells them.
        name: the function that the test called, by the instructor's name for it.
        is_ours: whether kind and text are the tester's own words, which any student may read.
    """

    def __init__(
        self, kind: str, text: str = "", trace: str = "", name: str = "", *, is_ours: bool = False
    ) -> None:
        super().__init__(f"{kind}: {text}" if text else kind)
        self.kind, self.text, self.trace, self.name, self.is_ours = kind, text, trace, name, is_ours


class WorkerGoneError(StudentError):
    """The worker is dead, silent, or talks nonsense: nothing more can be asked of it."""


class Connection:
    """Questions to one worker.

    Args:
        deadline: the time after which none is asked.
        seconds: for each answer, if nothing else is said.
    """

    def __init__(self, connection: socket.socket, deadline: float, seconds: float = CALL_SECONDS) -> None:
        self.socket, self.deadline, self.seconds = connection, deadline, seconds
        self.asked = 0
        self.dead = ""
        self.in_test = self.hung = False

    def ask(self, op: str, seconds: float = 0.0, about: str = "", **question: Any) -> Message:
        """The worker's answer to one question.

        Raises:
            StudentError: if the student's code failed.
            WorkerGoneError: if there is no answer that can be understood.
        """
        if self.dead or self.hung:
            raise WorkerGoneError("PythonEnded", self.dead or "it did not stop in its time", name=about)
        self.asked += 1
        limit = min(time.monotonic() + (seconds or self.seconds), self.deadline)
        given = max(0.05, limit - time.monotonic())
        try:
            in_test = self.in_test and op != "begin"
            data = pack({"id": self.asked, "op": op, "seconds": given, "in_test": in_test, **question})
            send(self.socket, data, limit + GRACE)
            answer = receive(self.socket, limit + GRACE)
        except (OSError, EOFError, WireError) as error:
            if self.in_test and isinstance(error, TimeoutError):
                self.hung = True  # the copy will be ended, and the worker goes on
                raise StudentError("TimeoutError", _reason(error), name=about) from None
            self.dead = _reason(error)
            raise WorkerGoneError("PythonEnded", self.dead, name=about) from None
        if "ended" in answer and self.in_test:
            self.in_test = False
            if op != "end":
                raise StudentError("PythonEnded", "your code ended Python, or did not stop", name=about)
        elif type(answer.get("id")) is not int or answer["id"] != self.asked:
            self.dead = "it answered a question that was not asked"
            raise WorkerGoneError("PythonEnded", self.dead, name=about)
        if "error" in answer and op != "exec":
            raise StudentError(*error_parts(answer["error"]), name=about)
        return answer

    def begin(self, seed: int, names: list[str], seconds: float = 0.0) -> dict[str, Any]:
        """Begin a test: what kind of thing each name stands for, "callable", "value" or "missing".

        With `seconds`, a fresh copy of the worker answers from now until `end`, at most that long; without,
        the copy that does so already.
        """
        if seconds:
            self.in_test, self.hung = True, False
        answer = self.ask("begin" if seconds else "test", seconds, seed=seed, names=names)
        kinds = answer.get("value")
        return kinds if isinstance(kinds, dict) else {}

    def end(self) -> None:
        """Let that copy go, if there is one."""
        if self.hung:
            self._await_end()
        elif self.in_test and not self.dead:
            self.ask("end", 5.0)
        self.in_test = False

    def _await_end(self) -> None:
        """Pass over what a copy that hung still says, until it has been ended."""
        deadline = time.monotonic() + CALL_SECONDS
        try:
            while "ended" not in receive(self.socket, deadline):
                pass
        except (OSError, EOFError, WireError) as error:
            self.dead = _reason(error)

    def call(self, target: str | Handle, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the worker's; gradients flow back through it."""
        grad = torch.is_grad_enabled()
        answer = self.ask(
            "call", about=name, target=target, args=_out(list(args)), kwargs=_out(kwargs), grad=grad
        )
        value, graph = answer.get("value"), answer.get("graph")
        inputs = [t for t in (*args, *kwargs.values()) if isinstance(t, Tensor) and t.requires_grad]
        if grad and inputs and type(graph) is int:
            outputs = [t.detach() for t in _tensors(value) if t.requires_grad]
            joined = iter(_Through.apply(self, graph, name, outputs, *inputs)) if outputs else iter(())
            value = _replace(value, joined)
        return self.local(value, name)

    def local(self, value: Any, name: str) -> Any:
        """A value from the wire, with its handles as things to call."""
        if isinstance(value, Handle):
            return Remote(self, value, name)
        if isinstance(value, list | tuple):
            return type(value)(self.local(item, name) for item in value)
        if isinstance(value, dict):
            return {key: self.local(item, name) for key, item in value.items()}
        return value


class Remote:
    """An object that stays in the worker: it can be called, read, and handed back."""

    def __init__(self, connection: Connection, handle: Handle, name: str) -> None:
        self.__dict__.update(_connection=connection, _handle=handle, _name=name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._connection.call(self._handle, self._name, args, kwargs)

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__") and attribute not in ("__len__", "__getitem__"):
            raise AttributeError(attribute)
        title = f"{self._name}.{attribute}"
        answer = self._connection.ask("attribute", about=title, target=self._handle, attribute=attribute)
        return self._connection.local(answer.get("value"), title)

    def __len__(self) -> int:
        return int(self.__getattr__("__len__")())

    def __getitem__(self, key: Any) -> Any:
        return self.__getattr__("__getitem__")(key)

    def __setattr__(self, attribute: str, value: Any) -> None:
        raise TypeError("an object of the student's cannot be changed from here")

    def __bool__(self) -> bool:
        raise TypeError(f"{self._name} gave an object of its own where a plain value was expected")

    def __repr__(self) -> str:
        return f"<object made by {self._name}>"


class _Through(torch.autograd.Function):
    """Connects the outputs of a call to its inputs; going back asks the worker."""

    @staticmethod
    def forward(
        ctx: Any, connection: Connection, graph: int, name: str, outputs: list[Tensor], *inputs: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.connection, ctx.graph, ctx.name = connection, graph, name
        ctx.set_materialize_grads(False)
        ctx.shapes = [(t.shape, t.dtype) for t in inputs]
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        answer = ctx.connection.ask("gradient", about=ctx.name, graph=ctx.graph, gradients=list(gradients))
        found = answer.get("value")
        if not isinstance(found, list) or len(found) != len(ctx.shapes):
            raise StudentError("ValueError", "no gradient came back", name=ctx.name)
        for value, (shape, dtype) in zip(found, ctx.shapes, strict=True):
            if value is not None and not (
                isinstance(value, Tensor) and value.shape == shape and value.dtype == dtype
            ):
                raise StudentError("ValueError", "a gradient of another shape came back", name=ctx.name)
        return (None, None, None, None, *(value if value is None else value.detach() for value in found))


def function_proxy(connection: Connection, name: str) -> Callable[..., Any]:
    """What stands in the tester for a function or class of the student's."""

    def proxy(*args: Any, **kwargs: Any) -> Any:
        return connection.call(name, name, args, kwargs)

    proxy.__name__ = name
    return proxy


def failing_proxy(error: StudentError) -> Callable[..., Any]:
    """What stands for a name that cannot be used; calling it says why."""

    def proxy(*_: Any, **__: Any) -> Any:
        raise error

    proxy.__name__ = error.name
    return proxy


def error_parts(error: Any) -> tuple[str, str, str]:
    """Type, message and trace of an error that a worker tells of, cut to size."""
    if not (isinstance(error, list) and len(error) == 3 and all(isinstance(part, str) for part in error)):
        return "Error", "", ""
    kind = error[0] if error[0].isidentifier() else "Error"
    return kind[:60], error[1][:MESSAGE], error[2][:4000]


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not stop in its time"
    if isinstance(error, WireError):
        return f"what it returned cannot be read ({error})"
    return "it ended Python"


def _out(value: Any) -> Any:
    """Arguments as they may cross the wire: objects of the worker's become handles again."""
    if isinstance(value, Remote):
        return value._handle
    if isinstance(value, list | tuple):
        return type(value)(_out(item) for item in value)
    if isinstance(value, dict):
        return {key: _out(item) for key, item in value.items()}
    return value


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [t for item in value.values() for t in _tensors(item)]
    return [t for item in value for t in _tensors(item)] if isinstance(value, list | tuple) else []


def _replace(value: Any, joined: Iterator[Tensor]) -> Any:
    """The value with its differentiable tensors, in order, taken from `joined`."""
    if isinstance(value, Tensor):
        return next(joined) if value.requires_grad else value
    if isinstance(value, dict):
        return {key: _replace(item, joined) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replace(item, joined) for item in value)
    return value
