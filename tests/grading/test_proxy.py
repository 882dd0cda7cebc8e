"""The tester's side of the wire, with a worker that a test plays."""

import socket
import threading
import time

import pytest
import torch

from course_lib.grading.inside.wire import Handle, pack, receive, send
from course_lib.grading.proxy import (
    Connection,
    Remote,
    StudentError,
    WorkerGoneError,
    error_parts,
    failing_proxy,
    function_proxy,
)


@pytest.fixture
def played():
    """`played(answer)`: a connection whose worker answers each question with `answer(question)`."""
    opened = []

    def play(answer, seconds=1.0, left=10.0):
        ours, theirs = socket.socketpair()
        opened.extend((ours, theirs))

        def serve():
            try:
                while True:
                    question = receive(theirs, None)
                    for message in answer(question):
                        send(theirs, pack({"id": question["id"]} | message), None)
            except (OSError, EOFError, ValueError):
                pass  # the test is over

        threading.Thread(target=serve, daemon=True).start()
        return Connection(ours, time.monotonic() + left, seconds)

    yield play
    for end in opened:
        end.close()


def test_an_answer_to_another_question_ends_the_conversation(played):
    connection = played(lambda q: [{"id": q["id"] + 1, "value": 1}])
    for _ in range(2):
        with pytest.raises(WorkerGoneError, match="not asked"):
            connection.ask("call")
    assert connection.dead


@pytest.mark.parametrize("number", [True, 1.0, "1", None, torch.tensor(1), torch.ones(2), [1]])
def test_the_number_of_an_answer_must_be_an_integer(played, number):
    with pytest.raises(WorkerGoneError):
        played(lambda q: [{"id": number, "value": 1}]).ask("call")


def test_an_end_that_nobody_waits_for_is_no_end_outside_of_a_test(played):
    with pytest.raises(WorkerGoneError):
        played(lambda q: [{"id": 0, "ended": 1}]).ask("call")


def test_the_end_of_a_test_in_the_middle_of_a_call_is_the_students_failure(played):
    connection = played(lambda q: [{"ended": 1}] if q["op"] == "call" else [{"value": None}])
    connection.begin(1, [], 1.0)
    with pytest.raises(StudentError, match="ended Python"):
        connection.ask("call")
    assert not connection.dead
    assert not connection.in_test


def test_a_copy_that_hangs_is_waited_for_and_the_worker_goes_on(played, monkeypatch):
    monkeypatch.setattr("course_lib.grading.proxy.GRACE", 0.1)

    def answer(question):
        if question["op"] != "call":
            return [{"value": None}]
        time.sleep(0.6)
        return [{"value": "late"}, {"ended": 1}]

    connection = played(answer, seconds=0.2)
    connection.begin(1, [], 1.0)
    with pytest.raises(StudentError, match="did not stop"):
        connection.ask("call")
    with pytest.raises(WorkerGoneError):
        connection.ask("call")
    connection.end()
    assert not connection.dead
    connection.begin(1, [], 1.0)
    assert connection.ask("get")["value"] is None


def test_messages_for_ever_do_not_keep_the_tester_waiting(played, monkeypatch):
    monkeypatch.setattr("course_lib.grading.proxy.GRACE", 0.1)
    monkeypatch.setattr("course_lib.grading.proxy.CALL_SECONDS", 0.5)

    def answer(question):
        if question["op"] != "call":
            yield {"value": None}
            return
        time.sleep(0.5)
        while True:
            yield {"value": 1}
            time.sleep(0.05)

    connection = played(answer, seconds=0.2)
    connection.begin(1, [], 1.0)
    with pytest.raises(StudentError):
        connection.ask("call")
    began = time.monotonic()
    connection.end()
    assert time.monotonic() - began < 2
    assert connection.dead


def test_after_the_deadline_nothing_is_waited_for(played, monkeypatch):
    monkeypatch.setattr("course_lib.grading.proxy.GRACE", 0.1)
    connection = played(lambda q: time.sleep(5) or [], left=0.1)
    began = time.monotonic()
    with pytest.raises(WorkerGoneError, match="did not stop"):
        connection.ask("call")
    assert time.monotonic() - began < 1


def test_gradients_that_come_back_are_plain_and_of_the_right_shape(played):
    def answer(question):
        if question["op"] == "call":
            return [{"value": torch.ones(2, requires_grad=True), "graph": 0}]
        return [{"value": [torch.full((2,), 3.0, requires_grad=True)]}]

    double, x = function_proxy(played(answer), "double"), torch.ones(2, requires_grad=True)
    (slope,) = torch.autograd.grad(double(x).sum(), x)
    assert slope.tolist() == [3.0, 3.0]
    assert not slope.requires_grad


@pytest.mark.parametrize("found", [None, [], [torch.ones(3)], [torch.ones(2).double()], [1.0], [None] * 2])
def test_a_gradient_of_another_shape_is_the_students_failure(played, found):
    def answer(question):
        graph = {"value": torch.ones(2, requires_grad=True), "graph": 0}
        return [graph if question["op"] == "call" else {"value": found}]

    x = torch.ones(2, requires_grad=True)
    with pytest.raises(StudentError, match="gradient"):
        torch.autograd.grad(function_proxy(played(answer), "f")(x).sum(), x)


def test_a_value_that_only_claims_a_gradient_is_connected_to_nothing(played):
    x = torch.ones(2, requires_grad=True)
    value = function_proxy(played(lambda q: [{"value": torch.ones(2, requires_grad=True)}]), "f")(x)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(value.sum(), x)


def test_an_object_of_the_students_is_true_for_no_question(played):
    remote = function_proxy(played(lambda q: [{"value": Handle(3)}]), "make")()
    assert isinstance(remote, Remote)
    for question in (
        bool,
        float,
        int,
        lambda r: r < 1,
        lambda r: r + 1,
        lambda r: torch.allclose(r, torch.ones(1)),
    ):
        with pytest.raises((TypeError, StudentError)):
            question(remote)
    assert not (remote == 1)  # noqa: SIM201
    assert not torch.is_tensor(remote)
    with pytest.raises(TypeError):
        remote.weight = 1
    assert repr(remote) == "<object made by make>"


@pytest.mark.parametrize("error", [None, 5, [], ["a"], ["a", "b", 3], {"a": 1}, "abc", [torch.ones(1)] * 3])
def test_an_error_that_is_none_is_some_error(error):
    assert error_parts(error) == ("Error", "", "")


def test_an_error_is_cut_to_size_and_its_name_is_a_name():
    kind, text, trace = error_parts(["E" * 100, "x" * 1000, "y" * 9000])
    assert (len(kind), len(text), len(trace)) == (60, 500, 4000)
    assert error_parts(["<script>", "", ""])[0] == "Error"


def test_words_of_ones_own_are_only_the_testers():
    assert not StudentError(*error_parts(["NameError", "LEAK", ""])).is_ours
    ours = StudentError("NameError", "f is not defined", name="f", is_ours=True)
    with pytest.raises(StudentError) as caught:
        failing_proxy(ours)()
    assert caught.value.is_ours
