# ruff: noqa: E501  (an attack reads best on one line)
"""Attacks on the wire: the student's code takes the worker over and says what it likes."""

import pytest

TAKE_OVER = """
import gc, json, os, struct, time
worker = next(o for o in gc.get_objects() if type(o).__name__ == 'Worker')
honest = type(worker)._reply

def raw(data):
    view = memoryview(data)
    while view:
        view = view[worker.connection.send(view):]

def say(fields, body=b'', size=None):
    head = json.dumps({'fields': fields, 'body': len(body) if size is None else size}).encode()
    raw(struct.pack('!I', len(head)) + head + body)

def reply(self, question):
    here = question['op'] == 'call' and question.get('target') == 'double'
    lie(question) if here else honest(self, question)

type(worker)._reply = reply
def double(x):
    return x + x
def lie(q):
"""
TENSOR = "{'tensor': ['float32', %s, False]}"
LIES = {
    "the end of the test, forged": "say({'ended': q['id']})",
    "the end of the test, and more": "say({'ended': q['id']}); say({'id': q['id'], 'value': True})",
    "the answer to another question": "say({'id': q['id'] + 1, 'value': True})",
    "answers ahead of their questions": "[say({'id': q['id'] + i, 'value': True}) for i in range(40)]",
    "a number that is true": "say({'id': True, 'value': True})",
    "a number that is a tensor": "say({'id': {'tensor': ['int64', [2], False]}}, b'x' * 16)",
    "no number": "say({'value': True})",
    "nothing": "say({})",
    "no message": "raw(struct.pack('!I', 2) + b'[]')",
    "no JSON": "raw(struct.pack('!I', 9) + b'\\xff' * 9)",
    "an endless length": "raw(b'\\xff' * 4)",
    "deep JSON": "raw(struct.pack('!I', 1 << 20) + b'[' * (1 << 20))",
    "many values": "raw(struct.pack('!I', 3 << 20) + b'[' + b'1,' * ((3 << 19) - 1) + b'1')",
    "not a number": 'raw(struct.pack(\'!I\', 38) + b\'{"fields": {"id": NaN}, "body": 0}      \')',
    "a body that never comes": "say({'id': q['id'], 'value': None}, b'', 1 << 25)",
    "a huge body": "say({'id': q['id'], 'value': None}, b'', 1 << 40)",
    "a negative body": "say({'id': q['id'], 'value': None}, b'', -1)",
    "more body than it has values": "say({'id': q['id'], 'value': None}, b'x' * 99)",
    "a tensor larger than its bytes": f"say({{'id': q['id'], 'value': {TENSOR % '[2]'}}}, b'x' * 4)",
    "a tensor of negative length": f"say({{'id': q['id'], 'value': {TENSOR % '[-2]'}}}, b'x' * 8)",
    "a tensor of no bytes and huge": f"say({{'id': q['id'], 'value': {TENSOR % '[0, 1 << 26, 1 << 26, 1 << 26]'}}})",
    "a tensor of many dimensions": f"say({{'id': q['id'], 'value': {TENSOR % '[1] * 60'}}}, b'x' * 4)",
    "a tensor of an unknown kind": "say({'id': q['id'], 'value': {'tensor': ['object', [1], False]}}, b'x' * 8)",
    "an unknown kind of value": "say({'id': q['id'], 'value': {'pickle': 'x'}})",
    "an object that does not exist": "say({'id': q['id'], 'value': {'handle': 999}})",
    "a graph that does not exist": (
        "say({'id': q['id'], 'graph': 999, 'value': {'tensor': ['float64', [3, 4], True]}}, b'\\0' * 96)"
    ),
    "an error that is none": "say({'id': q['id'], 'error': 5})",
    "an error of one megabyte": "say({'id': q['id'], 'error': ['E' * 10**5, 'x' * 10**6, 'y' * 10**6]})",
    "a dict of a hundred keys with one hash": (
        "say({'id': q['id'], 'value': {'dict': [[{'int': str(k * (2**61 - 1))}, None] for k in range(5000)]}})"
    ),
    "keys that cannot be keys": "say({'id': q['id'], 'value': {'dict': [[{'list': []}, None]]}})",
}
SLOW = {
    "silence": "time.sleep(60)",
    "one byte a second": "[(raw(b'\\0'), time.sleep(0.4)) for _ in range(100)]",
    "a flood": '\n    while True: raw(b\'\\0\\0\\0\\x1d{"fields": {"a": 1}, "body":0}\')',
    "messages for ever": "\n    while True: say({'id': -1}); time.sleep(0.3)",
}


@pytest.mark.parametrize("lie", [*LIES, *SLOW])
def test_a_lie_fails_the_tests_that_were_lied_to_and_no_other(lie, attack, tools):
    graded = attack(double=TAKE_OVER + "    " + (LIES | SLOW)[lie])
    missed = tools.failed(graded)
    assert missed >= tools.DOUBLE if "ahead" in lie else missed == tools.DOUBLE  # or later answers are spoilt
    assert graded.seconds < 28


@pytest.mark.parametrize(
    "found",
    [
        "[]", "None", "5", "[torch.ones(3)]", "[torch.ones(3, 4)]", "[None]", "[1.0]", "['x'] * 3",
        "[torch.full((3, 4), 2.0, dtype=torch.float64)] * 2", "{}", "[torch.full((4, 3), 2.0, dtype=torch.float64).T]",
    ],
)  # fmt: skip
def test_a_gradient_that_is_none_fails_its_test(found, attack, tools):
    """The last one is right, and passes: where a gradient comes from cannot be told."""
    liar = TAKE_OVER.replace("question['op'] == 'call' and question.get('target') == 'double'", "False")
    liar += f"    pass\ntype(worker).do_gradient = lambda self, q: {{'value': {found}}}"
    graded = attack(double=liar)
    assert tools.failed(graded) == (set() if ".T" in found else {"hidden_double"})


def test_a_worker_that_forges_the_beginning_of_each_test_earns_nothing_for_it(attack, tools):
    liar = (
        TAKE_OVER + "    raw(b'')\ntype(worker)._test = lambda self, q: say({'id': q['id'], 'value': None})"
    )
    assert tools.failed(attack(double=liar.replace("return x + x", "return x"))) >= tools.DOUBLE


def test_outputs_that_are_none_cost_nothing_and_break_nothing(attack, tools):
    for outputs in ("5", "[5, None, {}]", "[{'stream': 5}]", "{'a': 1}", "[{'data': {1: 2}, 'value': True}]",
                    "[{'stream': torch.ones(3)}]", "[{(1, 2): 3}]", "[{'stream': chr(0xd800)}]"):  # fmt: skip
        liar = TAKE_OVER + (
            "    pass\ntype(worker)._reply = lambda self, q: "
            f"self_answer(q) if q['op'] == 'exec' else honest(self, q)\n"
            f"from sys import modules\nwire = modules[type(worker).__module__]\n"
            f"def self_answer(q):\n    worker.do_exec(q)\n"
            f"    wire.send(worker.connection, wire.pack({{'id': q['id'], 'outputs': {outputs}}}), None)"
        )
        graded = attack(double=liar)
        assert tools.failed(graded) == set(), outputs


def test_megabytes_of_output_are_cut(attack, tools):
    liar = (
        "def _big():\n    import gc\n"
        "    w = next(o for o in gc.get_objects() if type(o).__name__ == 'Worker')\n"
        "    kind = type(w)\n    kind.do_exec = lambda self, q: {'outputs': [{'stream': 'x' * 3_500_000}]}\n_big()"
    )
    graded = attack(first=[liar], extras=["1"] * 12)
    text = tools.seen(graded)
    assert len(text) < 20_000_000
    assert "left out" in text
