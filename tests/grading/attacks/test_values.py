# ruff: noqa: E501  (an attack reads best on one line)
"""Attacks through what a function returns: nothing of it may pass for an answer, or hurt the tester."""

import pytest

VALUES = {
    "nothing": "None",
    "true": "True",
    "not a number": "float('nan')",
    "a tensor of no numbers": "torch.full_like(x, float('nan'))",
    "infinity": "torch.full_like(x, float('inf'))",
    "an empty tensor": "torch.empty(0)",
    "an empty tensor of many dimensions": "torch.empty(0, 1 << 20, 1 << 20)",
    "one number that would broadcast": "torch.tensor(2.0)",
    "a column that would broadcast": "torch.full((2, 1), 2.0)",
    "sixteen million rows to broadcast": "torch.full((1 << 24, 1), 2.0)",
    "a tensor of other numbers": "torch.full((2,), 2, dtype=torch.int64)",
    "complex numbers": "(x + x).to(torch.complex64)",
    "an array": "(x + x).detach().numpy()",
    "an array of objects": "np.array([x, None], dtype=object)",
    "a masked array": "np.ma.masked_all(2)",
    "an array of text": "np.array(['2', '2'])",
    "a list": "(x + x).tolist()",
    "a list in itself": "(lambda a: a.append(a) or a)([])",
    "a deep list": "__import__('functools').reduce(lambda a, _: [a], range(5000), 1)",
    "a list of a million": "[0] * 10**6",
    "a dict with odd keys": "{x: 1, None: 2, (1, 2): 3}",
    "a large integer": "10**9999",
    "an integer of a million digits": "1 << (1 << 22)",
    "text of one megabyte": "'x' * 10**6",
    "text of ten megabytes": "'x' * 10**7",
    "half a character": "'\\ud800'",
    "bytes": "b'x'",
    "a function": "lambda *a: x + x",
    "a class": "type('T', (), {})",
    "a generator": "(i for i in range(3))",
    "a module": "torch",
    "not implemented": "NotImplemented",
    "an ellipsis": "...",
    "a sparse tensor": "(x + x).detach().to_sparse()",
    "a tensor without memory": "torch.empty(2, device='meta')",
    "a quantised tensor": "torch.quantize_per_tensor((x + x).detach().float(), 0.1, 0, torch.qint8)",
    "a nested tensor": "torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])",
    "a tensor of nine dimensions": "torch.ones([1] * 9)",
    "a wide view of one number": "torch.ones(1).expand(1 << 40)",
    "a wrong tensor that needs a gradient": "torch.zeros(2, requires_grad=True)",
    "an object that equals everything": "type('E', (), {'__eq__': lambda s, o: True, '__bool__': lambda s: True})()",
    "an object that acts as a tensor": (
        "type('T', (), {'__torch_function__': classmethod(lambda *a: True), 'shape': x.shape, 'dtype': x.dtype})()"
    ),
    "a tensor's subclass that lies": (
        "torch.zeros(2).as_subclass(type('T', (torch.Tensor,), {'__torch_function__': "
        "classmethod(lambda *a: True)}))"
    ),
    "an object with endless attributes": "type('A', (), {'__getattr__': lambda s, n: s, '__len__': lambda s: 1 << 70})()",
    "an object that ends Python when it is asked": (
        "type('A', (), {'__getattr__': lambda s, n: __import__('os')._exit(1)})()"
    ),
    "a float of a class of its own": "type('F', (float,), {'hex': lambda s: 'x' * 10**6})(1.0)",
    "an integer of a class of its own": "type('I', (int,), {'__abs__': lambda s: 0})(1 << 80)",
    "text of a class of its own": "type('S', (str,), {'__str__': lambda s: 1})('x')",
    "a list of a class of its own": "type('L', (list,), {'__iter__': lambda s: (1 for _ in iter(int, 1))})([1])",
}


@pytest.mark.parametrize("value", VALUES)
def test_a_value_that_is_no_answer_earns_nothing_and_costs_nothing_else(value, attack, tools):
    graded = attack(double=f"def double(x):\n    return {VALUES[value]}", unseen=True)
    assert tools.failed(graded) == tools.DOUBLE
    assert graded.seconds < 20
    assert len(tools.seen(graded)) < 20_000


@pytest.mark.parametrize(
    "value",
    ["(x + x).conj().resolve_conj()", "torch.complex(x, x).conj().imag * -2", "-(-(x + x))",
     "(x + x).as_subclass(torch.nn.Parameter)", "(x + x).t().contiguous().t() if x.dim() == 2 else x + x",
     "torch.stack([x + x, x])[0]"],
)  # fmt: skip
def test_a_right_answer_in_an_odd_form_is_right(value, attack, tools):
    assert tools.failed(attack(double=f"def double(x):\n    return {value}", unseen=True)) == set()


@pytest.mark.parametrize("limit", ["float('nan')", "'0.5'", "True", "[0.5]", "torch.full((1 << 24,), 0.5)",
                                   "type('E', (), {'__sub__': lambda s, o: 0.0, '__rsub__': lambda s, o: 0.0})()",
                                   "10**400", "0.5j", "torch.empty(0)", "lambda: 0.5"])  # fmt: skip
def test_a_variable_that_is_no_answer_earns_nothing(limit, attack, toy, tools):
    scale = toy.notebook().cells[7].source.replace("limit = 0.5", f"limit = {limit}")
    assert tools.failed(attack(scale=scale, unseen=True)) == {"hidden_limit"}


@pytest.mark.parametrize(
    "body",
    [
        "def __getattr__(self, name): return 2",
        "def __init__(self, f): self.__dict__ = type('D', (dict,), {'__missing__': lambda s, k: 2})()",
        "def __call__(self, x): return type('E', (), {'__eq__': lambda s, o: True})()",
        "calls = 2\n    def __init__(self, f): pass\n    def __call__(self, x): return 3.0",
        "@property\n    def calls(self):\n        while True: pass",
        "def __init__(self, f):\n        while True: pass",
    ],
)
def test_an_object_that_only_pretends_earns_nothing(body, attack, tools):
    scale = f"class Scale:\n    {body}\nlimit = 0.5"
    assert tools.failed(attack(scale=scale, unseen=True)) == {"hidden_scale"}


def test_a_metaclass_that_never_answers_fails_only_its_tests(attack, tools):
    scale = "class M(type):\n    def __call__(c, *a):\n        while True: pass\nclass Scale(metaclass=M): pass\nlimit = 0.5"
    assert tools.failed(attack(scale=scale, unseen=True)) == {"hidden_scale"}
