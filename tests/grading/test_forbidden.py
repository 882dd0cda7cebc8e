"""Calls of the ready-made function are found under their usual disguises, and honest code is left alone."""

import importlib.util

import pytest

from course_lib.grading.forbidden import library_calls

NAMES = ["gelu", "GELU"]


def load(tmp_path, text):
    path = tmp_path / "answers.py"
    path.write_text("import math, torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n" + text)
    spec = importlib.util.spec_from_file_location("answers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    return F.gelu(x)",
        "def f(x):\n    return torch.nn.GELU()(x)",
        "from torch.nn.functional import gelu\ndef f(x):\n    return gelu(x)",
        "from torch.nn.functional import gelu as g\ndef f(x):\n    return g(x)",
        "layer = nn.GELU()\ndef f(x):\n    return layer(x)",
        "def f(x):\n    from torch.nn.functional import gelu as g\n    return g(x)",
        "def f(x):\n    return getattr(F, 'gelu')(x)",
        "def helper(x):\n    return F.gelu(x)\ndef f(x):\n    return helper(x)",
        "from course_lib.nn.activations import gelu as g\ndef f(x):\n    return g(x)",
        "f = F.gelu",
        "f = nn.GELU()",
        "exec('def f(x): return x')",
    ],
)
def test_a_library_call_is_found(tmp_path, text):
    assert library_calls([load(tmp_path, text).f], NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    '''the gelu'''\n    return x * torch.special.ndtr(x)  # not F.gelu",
        "def f(x):\n    print('GELU of', x)\n    return x * (1 + torch.erf(x / math.sqrt(2))) / 2",
        "def check():\n    return F.gelu\ndef f(x):\n    return x",
        "def gate(x):\n    return torch.special.ndtr(x)\ndef f(x):\n    return x * gate(x)",
        "def f(x):\n    return f(x - 1) if False else x",
    ],
)
def test_honest_code_is_left_alone(tmp_path, text):
    assert library_calls([load(tmp_path, text).f], NAMES) == []
