# ruff: noqa: E501  (tables read best on one line)
"""The wire: exact for what may cross, and nothing but its own errors for anything else."""

import contextlib
import json
import math
import socket
import struct
import threading
import time
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib.grading.inside import wire
from course_lib.grading.inside.wire import DTYPES, Handle, WireError, pack, receive, send

SHORT = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
ALLOWED = (
    bool,
    int,
    float,
    complex,
    str,
    list,
    tuple,
    dict,
    torch.Tensor,
    np.ndarray,
    torch.dtype,
    Handle,
    type(None),
)


def take(data, seconds=2.0):
    """What the receiver makes of these bytes, from a sender that then hangs up."""
    ours, theirs = socket.socketpair()
    sender = threading.Thread(target=_push, args=(theirs, data))
    sender.start()
    try:
        return receive(ours, time.monotonic() + seconds)
    finally:
        ours.close()
        sender.join()


def _push(connection, data):
    with connection, contextlib.suppress(OSError):
        connection.sendall(data)


def trip(value):
    return take(pack({"value": value}))["value"]


def message(fields, body=b"", size=None):
    head = json.dumps({"fields": fields, "body": len(body) if size is None else size}).encode()
    return struct.pack("!I", len(head)) + head + body


def same(a, b):
    if isinstance(a, torch.Tensor):
        return (
            type(b) is torch.Tensor and a.dtype == b.dtype and a.shape == b.shape
            and a.requires_grad == b.requires_grad and _bytes(a) == _bytes(b)
        )  # fmt: skip
    if isinstance(a, np.ndarray):
        return (
            type(b) is np.ndarray and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(map(same, a.values(), b.values()))
    if isinstance(a, float):
        return math.isnan(b) if math.isnan(a) else a == b and math.copysign(1, a) == math.copysign(1, b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    return a == b


def _bytes(tensor):
    plain = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return plain.view(torch.uint8).numpy().tobytes() if plain.numel() else b""


@st.composite
def tensors(draw):
    dtype = draw(st.sampled_from(sorted(DTYPES)))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    size = math.prod(shape) * DTYPES[dtype].itemsize
    raw = bytearray(draw(st.binary(min_size=size, max_size=size)))
    if dtype == "bool":
        raw = bytearray(byte & 1 for byte in raw)
    flat = torch.frombuffer(raw, dtype=DTYPES[dtype]) if size else torch.empty(0, dtype=DTYPES[dtype])
    tensor = flat.reshape(shape)
    can = tensor.dtype.is_floating_point or tensor.dtype.is_complex
    return tensor.requires_grad_() if can and draw(st.booleans()) else tensor


KEYS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.tuples(st.integers(), st.text(max_size=2))
)
LEAVES = (
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats() | st.complex_numbers() | st.text()
    | st.builds(Handle, st.integers(0, 2**53 - 1)) | st.sampled_from(sorted(DTYPES)).map(DTYPES.get) | tensors()
    | tensors().filter(lambda t: t.dtype != torch.bfloat16 and not t.requires_grad).map(lambda t: t.numpy())
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda x: (
        st.lists(x, max_size=4) | st.lists(x, max_size=4).map(tuple) | st.dictionaries(KEYS, x, max_size=4)
    ),
    max_leaves=12,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["tensor", "array", "list", "dict", "handle", "float32", "bool", "float", "int"]),
    lambda x: st.lists(x, max_size=4) | st.dictionaries(
        st.sampled_from(["tensor", "array", "list", "tuple", "dict", "handle", "int", "float", "complex", "dtype", "x"]),
        x, max_size=2),
    max_leaves=15,
)  # fmt: skip


def is_allowed(value):
    if not isinstance(value, ALLOWED):
        return False
    if isinstance(value, dict):
        return all(map(is_allowed, value)) and all(map(is_allowed, value.values()))
    return not isinstance(value, list | tuple) or all(map(is_allowed, value))


def survives(data):
    """The receiver raises one of its three errors, or gives plain values."""
    with contextlib.suppress(WireError, EOFError, TimeoutError):
        assert is_allowed(take(data))


def fuzz(test):
    """The test with few fixed examples, and the same one, minutes long."""
    strategies, body = test
    short = SHORT(given(*strategies)(body))
    long = pytest.mark.soak(LONG(given(*strategies)(body)))
    return short, long


def _exact(value):
    assert same(value, trip(value))


def _any_bytes(data):
    survives(data)


def _any_header(header, body):
    head = json.dumps(header).encode()
    survives(struct.pack("!I", len(head)) + head + body)
    survives(message(header if isinstance(header, dict) else {"value": header}, body))


def _mutated(value, edits):
    data = bytearray(pack({"id": 1, "value": value}))
    for place, byte in edits:
        data[4 + place % (len(data) - 4)] = byte
    survives(bytes(data))


def _cut(value, place):
    data = pack({"id": 1, "value": value})
    with pytest.raises(EOFError):
        take(data[: place % len(data)])


EDITS = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=6)
test_every_allowed_value_comes_through_exactly, test_every_allowed_value_comes_through_long = fuzz(
    ((VALUES,), _exact)
)
test_any_bytes_are_refused_or_read, test_any_bytes_long = fuzz(((st.binary(max_size=300),), _any_bytes))
test_any_header_is_refused_or_read, test_any_header_long = fuzz(((JSON, st.binary(max_size=64)), _any_header))
test_a_damaged_message_is_refused_or_read, test_a_damaged_message_long = fuzz(((VALUES, EDITS), _mutated))
test_half_a_message_is_the_end, test_half_a_message_long = fuzz(((VALUES, st.integers(0, 5000)), _cut))


def test_the_bits_of_a_number_that_is_none_are_kept():
    raw = torch.tensor([0x7FF8DEADBEEF0001, -1, 0x7FF0000000000001], dtype=torch.int64)
    assert torch.equal(trip(raw.view(torch.float64)).view(torch.int64), raw)
    half = torch.tensor([0x7FC1, -1, -32768], dtype=torch.int16).view(torch.bfloat16)
    assert torch.equal(trip(half).view(torch.int16), half.view(torch.int16))


def test_bytes_other_than_0_and_1_are_no_bools():
    got = take(message({"value": {"tensor": ["bool", [4], False]}}, b"\x00\x01\x02\xff"))["value"]
    assert got.view(torch.uint8).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize(
    "make",
    [lambda x: x.t(), lambda x: x[::2], lambda x: torch.complex(x, x).conj(), lambda x: torch.complex(x, x).conj().imag,
     lambda x: torch._neg_view(x), lambda x: x.expand(3, 3, 3), lambda x: torch.nn.Parameter(x)],
)  # fmt: skip
def test_views_and_subclasses_arrive_as_plain_tensors(make):
    value = make(torch.arange(9.0).reshape(3, 3))
    got = trip(value)
    assert type(got) is torch.Tensor
    assert torch.equal(got, value.detach())
    assert got.is_contiguous()
    assert not got.is_conj()
    assert not got.is_neg()


def test_nothing_is_shared_between_sender_and_receiver_or_two_values():
    x = torch.zeros(3)
    first, second = trip([x, x])
    first += 1
    assert x.sum() == 0
    assert second.sum() == 0


def test_numbers_of_a_class_of_ones_own_arrive_as_plain_ones():
    number = trip(type("Mine", (float,), {})(1.5))
    assert type(number) is float
    assert type(trip(np.float32(1.5))) is float
    assert trip(True) is True


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, b"x", 10**5000, torch.ones([1] * 9), torch.ones(3).to_sparse(), np.array(["x"]), range(3),
     np.array([None]), [0] * 30_000, "x" * (5 << 20), torch.zeros(17 << 20), torch.empty(1, device="meta"), print],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_must_not_cross_is_refused_by_the_sender(value):
    with pytest.raises((WireError, NotImplementedError)):
        pack({"value": value})


def test_deep_and_endless_values_are_refused():
    deep = endless = []
    for _ in range(wire.MAX_DEPTH + 1):
        deep = [deep]
    endless.append(endless)
    for value in (deep, endless):
        with pytest.raises(WireError):
            pack({"value": value})


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", EOFError),
        (struct.pack("!I", wire.MAX_HEADER + 1), WireError),
        (struct.pack("!I", 2) + b"{}", WireError),
        (message({"a": 1}, b"", -1), WireError),
        (message({"a": 1}, b"", True), WireError),
        (message({"a": 1}, b"", wire.MAX_BODY + 1), WireError),
        (message({"a": 1}, b"x"), WireError),
        (message({"a": 1.5}), WireError),
        (message({"a": 1 << 53}), WireError),
        (message({"a": {"int": "9" * 5000}}), WireError),
        (message({"a": {"float": "0x" + "f" * 99}}), WireError),
        (message({"a": {"float": "0x1p5000"}}), WireError),
        (message({"a": {"handle": True}}), WireError),
        (message({"a": {"handle": -1}}), WireError),
        (message({"a": {"array": ["float32", [1], True]}}, b"abcd"), WireError),
        (message({"a": {"array": ["bfloat16", [1], False]}}, b"ab"), WireError),
        (message({"a": {"tensor": ["float32", [True], False]}}, b"abcd"), WireError),
        (message({"a": {"tensor": ["float32", [1 << 40, 0], False]}}), WireError),
        (message({"a": {"tensor": ["float32", [1] * 9, False]}}, b"abcd"), WireError),
        (message({"a": {"dict": [[{"list": []}, 1]]}}), WireError),
        (message({"a": {"list": [], "tuple": []}}), WireError),
        (message({"a": {"list": [None] * wire.MAX_ITEMS}}), WireError),
        (message({str(i): None for i in range(wire.MAX_ITEMS + 1)}), WireError),
        (struct.pack("!I", 200_000) + b"[" * 200_000, WireError),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_breaks_the_rules_is_refused_by_the_receiver(data, error):
    with pytest.raises(error):
        take(data)


def test_sizes_that_are_only_claimed_take_no_memory():
    claims = [
        struct.pack("!I", wire.MAX_HEADER) + b"{",
        message({"a": {"tensor": ["float64", [1 << 23], False]}}),
        message({"a": {"tensor": ["float64", [0, 1 << 26, 1 << 26, 1 << 26], False]}}),
        message({"a": 1}, b"", wire.MAX_BODY),
    ]
    tracemalloc.start()
    try:
        for data in claims:
            survives(data)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_dripping_sender_is_given_up_at_the_deadline_of_the_whole_message():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stop = threading.Event()

        def drip():
            theirs.sendall(struct.pack("!I", 1000))
            while not stop.wait(0.02):
                theirs.sendall(b" ")

        dripping = threading.Thread(target=drip)
        dripping.start()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            receive(ours, time.monotonic() + 0.3)
        assert time.monotonic() - began < 1.5
        stop.set()
        dripping.join()


def test_a_receiver_that_does_not_read_is_given_up_at_the_deadline():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            send(ours, b"x" * (8 << 20), time.monotonic() + 0.3)
        assert time.monotonic() - began < 1.5


def test_a_receiver_that_has_hung_up_is_an_error_and_no_signal():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(OSError, match="pipe"):
        send(ours, b"x" * 100, time.monotonic() + 1)


def test_half_characters_and_nul_come_through():
    assert trip(["\ud800", "\0", "\U0001f600"]) == ["\ud800", "\0", "\U0001f600"]
