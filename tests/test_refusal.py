# ruff: noqa: E501  (tables read best on one line)
"""Reading the source for refused functions: no road by a clear name, and no honest student in its way."""

import ast
import gc
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from course_lib.refusal import parse, refused_uses, tree_of

REFUSED = ("torch.lerp", "torch.nn.functional.gelu", "torch.nn.GELU", "torch.autograd.grad", "scipy.optimize")


def uses(*cells):
    return refused_uses(cells, REFUSED)


HONEST = {
    "its own name": "def gelu(x):\n    return x * torch.erf(x)",
    "itself": "def gelu(x, n=0):\n    return x if n else gelu(x, n + 1)",
    "a local variable": "def f(x):\n    gelu = x * 2\n    return gelu",
    "a parameter": "def f(gelu):\n    return gelu + 1",
    "a parameter of a lambda": "f = lambda gelu: gelu + 1",
    "a variable of a comprehension": "def f(xs):\n    return [grad for grad in xs]",
    "a variable of a loop": "def f(xs):\n    for lerp in xs:\n        pass\n    return lerp",
    "a docstring": 'def f(x):\n    """Like torch.nn.functional.gelu."""\n    return x',
    "a comment": "def f(x):\n    return x  # not torch.lerp",
    "a text": "def f(x):\n    print('torch.lerp')\n    return x",
    "a key": "def f(x):\n    return {'gelu': x}['gelu']",
    "a keyword": "def f(x):\n    return dict(gelu=x)",
    "a longer name": "def f(x):\n    return my_gelu(x) + x.gelu2",
    "an import of something beside it": "from torch.nn import functional as F\ndef f(x):\n    return F.relu(x)",
    "an attribute of one's own object": (
        "class f:\n    def __init__(self):\n        self.gelu = 3\n    def get(self):\n        return self.gelu"
    ),
    "a method of one's own": "class f:\n    def gelu(self): return 1\n    def get(self): return self.gelu()",
    "the gradient of a tensor": "def f(x):\n    return x.grad",
    "a cell that Python cannot read": "def f(x:\n    return torch.lerp",
    "a magic": "%timeit torch\n!echo gelu",
}


@pytest.mark.parametrize("case", HONEST)
def test_an_honest_answer_is_not_refused_for(case):
    assert uses(HONEST[case]) == {}


REACHED = {
    "a call": "def f(x):\n    return torch.lerp(x, x, 1)",
    "an alias": "import torch.nn.functional as F\ndef f(x):\n    return F.gelu(x)",
    "an imported name": "from torch.nn.functional import gelu\ndef f(x):\n    return gelu(x)",
    "an imported name with another": "from torch.nn.functional import gelu as g\ndef f(x):\n    return g(x)",
    "a class": "def f(x):\n    return torch.nn.GELU()(x)",
    "another cell": "def f(x):\n    return helper(x)",
    "a variable": "op = torch.lerp\ndef f(x):\n    return op(x, x, 1)",
    "a lambda": "f = lambda x: torch.lerp(x, x, 1)",
    "a method of a class": "class f:\n    def g(self, x):\n        return torch.lerp(x, x, 1)",
    "a base class": "class f(torch.nn.GELU):\n    pass",
    "a decorator": "@torch.lerp\ndef f(x):\n    return x",
    "a default": "def f(x, op=torch.lerp):\n    return op(x, x, 1)",
    "getattr": "def f(x):\n    return getattr(torch, 'lerp')(x, x, 1)",
    "attrgetter": "import operator\ndef f(x):\n    return operator.attrgetter('nn.functional.gelu')(torch)(x)",
    "eval": "def f(x):\n    return eval('torch.lerp(x, x, 1)')",
    "import_module": "import importlib\ndef f(x):\n    return importlib.import_module('scipy.optimize')",
    "a whole module": "from scipy import optimize as o\ndef f(x):\n    return o.minimize(x)",
    "inside of if": "if True:\n    def f(x):\n        return torch.lerp(x, x, 1)",
    "inside of try": "try:\n    from torch import lerp as l\nexcept ImportError:\n    pass\ndef f(x):\n    return l(x, x, 1)",
    "the course's own library": "from course_lib.nn import norm\ndef f(x):\n    return norm.layer_norm(x)",
}


@pytest.mark.parametrize("case", REACHED)
def test_an_answer_is_refused_that_reaches_one_by(case):
    assert "f" in uses("def helper(y):\n    return torch.nn.functional.gelu(y)", REACHED[case])


def test_only_the_names_that_reach_it_are_refused():
    cell = "def f(x):\n    return torch.lerp(x, x, 1)\n\ndef g(x):\n    return x\n\ndef h(x):\n    return f(g(x))"
    assert uses(cell) == {"f": "torch.lerp", "h": "torch.lerp"}


def test_functions_that_call_each_other_in_a_circle_are_read_to_the_end():
    circle = "def f(x):\n    return g(x)\ndef g(x):\n    return f(x)\ndef h(x):\n    return f(x)"
    assert uses(circle) == {}
    assert uses(circle + "\ndef f(x):\n    return g(torch.lerp(x, x, 1))") == dict.fromkeys(
        "fgh", "torch.lerp"
    )


def test_a_name_redefined_in_a_later_cell_counts_with_all_its_definitions():
    assert uses("def f(x):\n    return x", "def f(x):\n    return torch.lerp(x, x, 1)") == {"f": "torch.lerp"}


@pytest.mark.parametrize(
    "source", ["\0", "x = " + "(" * 5000, "x = " + "-" * 100_000 + "1", "(" * 300 + ")" * 300]
)
def test_what_the_parser_cannot_take_is_passed_over(source):
    assert uses(source, "def f(x):\n    return torch.lerp(x, x, 1)") == {"f": "torch.lerp"}


def test_threads_that_parse_at_once_do_not_disturb_one_another():
    def give_way(*_):
        time.sleep(0)

    before = gc.get_threshold()
    gc.callbacks.append(give_way)  # as dask has one: another thread may go on in the middle of a tree
    gc.set_threshold(20)
    try:
        with ThreadPoolExecutor(4) as pool:
            trees = list(pool.map(tree_of, ["f(" * 40 + "x" + ")" * 40] * 1000))
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(give_way)
    assert len(trees) == 1000


PLAIN = (
    "x = 1 #?",
    "s = '''\n%time\n!ls\n'''",
    "a = (5\n%3)",
    "f = '{x!r}'",
    "x = 3;",
    "# what?\ny = 1",
    "if x:\n    pass",
)


@pytest.mark.parametrize("source", PLAIN)
def test_ipython_leaves_a_cell_alone_that_is_python_so_it_is_read_as_it_stands(source):
    assert ast.dump(parse(source)) == ast.dump(ast.parse(TransformerManager().transform_cell(source)))


@pytest.mark.parametrize(
    "source", ["%time\ny = gelu(1)", "!ls\ny = gelu(1)", "  y = gelu(1)", "y = gelu(1)\ny?"]
)
def test_a_cell_with_magics_is_read_too(source):
    assert "gelu" in ast.dump(parse(source))
