"""Words that are told to the instructor: those of attacks, and none of ordinary homework."""

import pytest

from course_lib.grading.suspects import suspicions


def found(source):
    return " ".join(suspicions([("c", source)]))


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("import ctypes", "ctypes"),
        ("import os; os.kill(1, 9)", "os.kill"),
        ("from os import fork", "os.fork"),
        ("import os; os.system('ls')", "os.system"),
        ("torch.allclose = print", "a new torch.allclose"),
        ("torch.nn.Linear.forward = print", "a new torch.forward"),
        ("setattr(torch, 'x', 1)", "changes to torch"),
        ("vars(torch)['x']", "changes to torch"),
        ("open('/proc/self/mem')", "'/proc'"),
        ("__import__('ctypes')", "ctypes"),
        ("def __torch_function__(): pass", "__torch_function__"),
        ("import sys; sys.modules['torch'] = 1", "sys.modules"),
        ("torch.library.Library('aten', 'IMPL')", "torch.library"),
        ("!python -c 'import torch'", "import torch"),
    ],
)
def test_it_is_told(source, word):
    assert word in found(source)


@pytest.mark.parametrize(
    "source",
    [
        "import os\nprint(os.listdir('.'), os.path.join('a', 'b'))",
        "import time, math, random, functools, itertools, collections, warnings, threading, asyncio",
        "torch.manual_seed(0); torch.set_grad_enabled(False); np.random.seed(1)",
        "class A(torch.nn.Module):\n    def __init__(self):\n        self.kill_rate = 1; self.signal = 2",
        "import matplotlib.pyplot as plt\nplt.plot([1]); plt.show()",
        "%timeit 1\n!echo hello",
        "'A signal of the hidden layer in the resource.'",
        "def broken(:",
    ],
)
def test_ordinary_homework_is_not_looked_at_twice(source):
    assert found(source) == ""


def test_a_cell_has_one_line_and_no_more_than_a_few_words():
    (line,) = suspicions(
        [("c", "import ctypes, gc, socket, signal, mmap, pty, site, fcntl, atexit, marshal")]
    )
    assert line.count(",") == 7
