"""Plain data between the tester, who is trusted, and the worker, who is not.

A message is a header length (4 bytes, big-endian), a JSON header, and the raw bytes of its arrays. Nothing
is ever unpickled; every type, size, depth and count is checked before memory is taken for it; what comes
out is fresh: plain numbers, strings, containers, and tensors that share nothing with the sender's.
"""

import json
import math
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

MAX_HEADER = 4 << 20  # bytes
MAX_BODY = 64 << 20  # bytes
MAX_DEPTH = 12
MAX_ITEMS = 20_000  # values in one message
MAX_DIGITS = 4_000  # of an integer
MAX_DIMENSIONS = 8
SAFE_INTEGER = 1 << 53  # beyond it JSON readers may round
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
    )
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
_LENGTH = struct.Struct("!I")
Message = dict[str, Any]


class WireError(ValueError):
    """A message that breaks the rules, or a value that cannot be sent."""


@dataclass(frozen=True)
class Handle:
    """Stands for an object that stays in the worker, by number."""

    number: int


def pack(message: Message) -> bytes:
    """The bytes of a message, a dict with string keys.

    Raises:
        WireError: if it holds something that cannot cross, or is too large, deep or long.
    """
    writer = _Writer()
    fields = {name: writer.encode(value, 0) for name, value in message.items()}
    header = json.dumps({"fields": fields, "body": writer.size}).encode()
    if len(header) > MAX_HEADER:
        raise WireError(f"the message's header is larger than {MAX_HEADER >> 20} MiB")
    return b"".join([_LENGTH.pack(len(header)), header, *writer.blobs])


def receive(connection: socket.socket, deadline: float | None) -> Message:
    """The next message; `deadline` is a time of `time.monotonic`, None to wait for ever.

    Raises:
        WireError: if it breaks the rules.
        TimeoutError: if it is not complete by the deadline.
        EOFError: if the other side is gone.
    """
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, deadline))
    if length > MAX_HEADER:
        _malformed()
    try:
        header = json.loads(_exactly(connection, length, deadline), parse_constant=_malformed)
    except (ValueError, RecursionError):
        _malformed()
    match header:
        case {"fields": dict(fields), "body": int(size)} if (
            not isinstance(size, bool) and 0 <= size <= MAX_BODY
        ):
            reader = _Reader(_exactly(connection, size, deadline))
        case _:
            _malformed()
    message = {name: reader.decode(value, 0) for name, value in fields.items()}
    if reader.position != size:
        _malformed()
    return message


def send(connection: socket.socket, data: bytes, deadline: float | None) -> None:
    """Send packed bytes, no longer than until the deadline."""
    view = memoryview(data)
    while view:
        _wait(connection, deadline, writing=True)
        view = view[connection.send(view[: 1 << 20], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) :]


@dataclass
class _Writer:
    blobs: list[bytes] = field(default_factory=list)
    size: int = 0
    items: int = 0

    def encode(self, value: Any, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise WireError(f"more than {MAX_DEPTH} levels or {MAX_ITEMS} values")
        match value:
            case None | bool() | str():
                return value
            case np.generic():
                return self.encode(value.item(), depth)
            case int():
                return value if abs(value) < SAFE_INTEGER else {"int": _digits(value)}
            case float():
                return {"float": value.hex()}
            case complex():
                return {"complex": [value.real.hex(), value.imag.hex()]}
            case Tensor():
                return {"tensor": self._tensor(value)}
            case np.ndarray():
                return {"array": self._tensor(_as_tensor(value))}
            case list():
                return {"list": [self.encode(item, depth + 1) for item in value]}
            case tuple():
                return {"tuple": [self.encode(item, depth + 1) for item in value]}
            case dict():
                pairs = value.items()
                return {"dict": [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in pairs]}
            case torch.dtype() if value in NAMES:
                return {"dtype": NAMES[value]}
            case Handle():
                return {"handle": value.number}
        raise WireError(f"a value of type {type(value).__name__} cannot be handed over")

    def _tensor(self, value: Tensor) -> list[Any]:
        if value.dtype not in NAMES or value.layout != torch.strided or value.dim() > MAX_DIMENSIONS:
            raise WireError(f"a tensor of {value.dtype}, {value.layout}, {value.dim()} dimensions")
        plain = value.detach().as_subclass(Tensor).cpu().resolve_conj().resolve_neg().contiguous()
        blob = plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""
        self.size += len(blob)
        if self.size > MAX_BODY:
            raise WireError(f"more than {MAX_BODY >> 20} MiB of arrays")
        self.blobs.append(blob)
        return [NAMES[plain.dtype], list(plain.shape), bool(value.requires_grad)]


@dataclass
class _Reader:
    body: bytearray
    position: int = 0
    items: int = 0

    def decode(self, value: Any, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            _malformed()
        match value:
            case None | bool() | str():
                return value
            case int() if abs(value) < SAFE_INTEGER:
                return value
            case dict() if len(value) == 1:
                ((kind, content),) = value.items()
                return self._tagged(kind, content, depth)
        _malformed()

    def _tagged(self, kind: str, content: Any, depth: int) -> Any:
        match kind, content:
            case "int", str() if len(content) <= MAX_DIGITS:
                return _guard(int, content)
            case "float", str() if len(content) <= 40:
                return _guard(float.fromhex, content)
            case "complex", [str(real), str(imaginary)] if len(real) <= 40 and len(imaginary) <= 40:
                return complex(_guard(float.fromhex, real), _guard(float.fromhex, imaginary))
            case "tensor", [str(name), list(shape), bool(grad)]:
                return self._tensor(name, shape, grad)
            case "array", [str(name), list(shape), False]:
                return _guard(Tensor.numpy, self._tensor(name, shape, False))
            case "list", list():
                return [self.decode(item, depth + 1) for item in content]
            case "tuple", list():
                return tuple(self.decode(item, depth + 1) for item in content)
            case "dict", list():
                return _guard(dict, [self._pair(pair, depth + 1) for pair in content])
            case "dtype", str() if content in DTYPES:
                return DTYPES[content]
            case "handle", int() if not isinstance(content, bool) and 0 <= content < SAFE_INTEGER:
                return Handle(content)
        _malformed()

    def _pair(self, pair: Any, depth: int) -> tuple[Any, Any]:
        match pair:
            case [key, value]:
                return self.decode(key, depth), self.decode(value, depth)
        _malformed()

    def _tensor(self, name: str, shape: list[Any], grad: bool) -> Tensor:
        if name not in DTYPES or len(shape) > MAX_DIMENSIONS:
            _malformed()
        if any(type(length) is not int or not 0 <= length <= MAX_BODY for length in shape):
            _malformed()
        dtype = DTYPES[name]
        size = math.prod(shape) * dtype.itemsize
        if self.position + size > len(self.body):
            _malformed()
        part = self.body[self.position : self.position + size]
        self.position += size
        if not size:
            flat = torch.empty(0, dtype=dtype)
        elif dtype == torch.bool:  # a byte other than 0 and 1 is no bool
            flat = torch.frombuffer(part, dtype=torch.uint8) != 0
        else:
            flat = torch.frombuffer(part, dtype=dtype)
        tensor = _guard(flat.reshape, shape)
        return tensor.requires_grad_() if grad and (dtype.is_floating_point or dtype.is_complex) else tensor


def _as_tensor(array: np.ndarray) -> Tensor:
    try:
        return torch.from_numpy(np.array(array, order="C", subok=False))
    except (TypeError, ValueError) as error:
        raise WireError(f"an array of {array.dtype} cannot be handed over") from error


def _digits(value: int) -> str:
    if value.bit_length() > 3 * MAX_DIGITS:
        raise WireError(f"an integer of more than {MAX_DIGITS} digits")
    return str(value)


def _guard(convert: Callable[[Any], Any], content: Any) -> Any:
    try:
        return convert(content)
    except (ValueError, TypeError, OverflowError, RuntimeError):
        _malformed()


def _malformed(*_: object) -> NoReturn:
    raise WireError("malformed message")


def _exactly(connection: socket.socket, size: int, deadline: float | None) -> bytearray:
    data = bytearray()
    while len(data) < size:
        _wait(connection, deadline, writing=False)
        part = connection.recv(min(size - len(data), 1 << 20))
        if not part:
            raise EOFError("the other side is gone")
        data += part
    return data


def _wait(connection: socket.socket, deadline: float | None, *, writing: bool) -> None:
    if deadline is None and not writing:
        return  # a blocking read will do
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    ready = select.select([] if writing else [connection], [connection] if writing else [], [], left)
    if not any(ready):
        raise TimeoutError("no complete answer in time")
