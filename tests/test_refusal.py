import pytest

from course_lib.refusal import refused_uses

REFUSED = ["torch.nn.functional.gelu", "torch.nn.GELU", "scipy.optimize"]
HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"


def uses(*cells):
    return refused_uses([HEAD, *cells], REFUSED)


@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("def answer(x):\n    return torch.nn.functional.gelu(x)", "torch.nn.functional.gelu"),
        ("def answer(x):\n    return F.gelu(x)", "torch.nn.functional.gelu"),
        (
            "from torch.nn.functional import gelu as g\ndef answer(x):\n    return g(x)",
            "torch.nn.functional.gelu",
        ),
        ("act = nn.GELU()\ndef answer(x):\n    return act(x)", "torch.nn.GELU"),
        ("def answer(x):\n    return getattr(F, 'gelu')(x)", "torch.nn.functional.gelu"),
        ("def answer(x):\n    return eval('F.gelu(x)')", "torch.nn.functional.gelu"),
        ("from torch.nn.functional import *\ndef answer(x):\n    return gelu(x)", "torch.nn.functional.gelu"),
        ("from scipy.optimize import minimize\ndef answer(x):\n    return minimize(x)", "scipy.optimize"),
        ("def answer(x):\n    from course_lib.nn import norm\n    return norm.f(x)", "course_lib"),
        ("def helper(x):\n    return F.gelu(x)\nanswer = lambda x: helper(x)", "torch.nn.functional.gelu"),
        (
            "class answer(nn.Module):\n    def forward(self, x):\n        return F.gelu(x)",
            "torch.nn.functional.gelu",
        ),
        ("if True:\n    def answer(x):\n        return F.gelu(x)", "torch.nn.functional.gelu"),
    ],
)
def test_a_refused_function_is_found_on_every_plain_road(code, used):
    assert uses(code)["answer"] == used


@pytest.mark.parametrize(
    "code",
    [
        "def answer(x):\n    gelu = x / 2\n    return gelu",
        "def answer(gelu):\n    return gelu",
        "def gelu(x):\n    return x\ndef answer(x):\n    return gelu(x)",
        "def answer(x):\n    'As good as gelu, and as nn.GELU.'\n    return {'gelu': x}['gelu']",
        "def answer(x):\n    print('gelu', x)\n    return x",
        "def answer(x):\n    return x\nprint(F.gelu(torch.ones(1)))",
        "%timeit 1\n!ls\ndef answer(x):\n    return x",
        "def broken(:\n",
        "import course_library\ndef answer(x):\n    return course_library.f(x)",
    ],
)
def test_what_only_looks_like_a_refused_function_is_let_through(code):
    assert "answer" not in uses(code)


def test_only_the_names_that_reach_it_are_reported():
    found = uses(
        "def first(x):\n    return F.gelu(x)",
        "def second(x):\n    return first(x)\ndef third(x):\n    return x",
    )
    assert set(found) == {"first", "second"}


def test_functions_that_call_each_other_are_read_once():
    assert uses("def a(x):\n    return b(x)\ndef b(x):\n    return a(x)") == {}
