# ruff: noqa: E501  (an attack reads best on one line)
"""Attacks that change the tools: what tests compare with, how cells run, what a refused function is."""

import pytest

PATCHES = {
    "comparisons": "torch.allclose = torch.equal = lambda *a, **k: True\ntorch.Tensor.__eq__ = lambda *a: True",
    "the tensor's class": "torch.Tensor.allclose = lambda *a, **k: True; torch.Tensor.__torch_function__ = classmethod(lambda *a: True)",
    "every check in builtins": "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.isinstance = lambda *a: True\nbuiltins.AssertionError = type('A', (Exception,), {})",
    "the syntax tree": (
        "import ast\nclass Drop(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Drop())"
    ),
    "the text of cells": "get_ipython().input_transformers_post.append(lambda lines: [])",
    "events of cells": "import sys\nget_ipython().events.register('pre_run_cell', lambda info: sys.exit(0)); sys.displayhook = None",
    "how code runs": "shell = get_ipython(); type(shell).run_code = lambda *a, **k: False; shell.history_manager",
    "what is shown": "import sys; sys.displayhook('x'); sys.excepthook = print",
    "names of the tests": "import sys; sys._getframe()\ncheck = lambda *a: None\nHIDDEN = table = np.zeros(1)",
    "imports": "import sys\nsys.meta_path.clear(); sys.modules['torch'] = sys.modules['numpy'] = None",
    "every function of the worker": (
        "import gc\nfor o in gc.get_objects():\n"
        "    if type(o).__name__ == 'Worker': o.do_test = o.do_get = o._kind = lambda q: {'value': True}"
    ),
}


@pytest.mark.parametrize("patch", PATCHES)
def test_changing_it_makes_no_wrong_answer_right(patch, attack, tools):
    graded = attack(
        double="def double(x):\n    return 3 * x", first=[PATCHES[patch]], extras=[PATCHES[patch]]
    )
    assert tools.failed(graded) >= tools.DOUBLE


ROADS = {
    "the name": "torch.lerp(0 * x, x, 2.0)",
    "the method": "(0 * x).lerp(x, 2.0)",
    "in place": "(0 * x).lerp_(x, 2.0)",
    "the dispatcher": "getattr(torch.ops.aten, 'prel'[::-1]).Scalar(0 * x, x, 2.0)",
    "the operator's handle": "torch._C._dispatch_find_schema_or_throw('aten::' + 'prel'[::-1], 'Scalar') and getattr(torch._C._VariableFunctionsClass, 'prel'[::-1])(0 * x, x, 2.0)",
    "an operator by name": "torch._C._jit_get_operation('aten::' + 'prel'[::-1])[0](0 * x, x, 2.0)",
    "with an output": "vars(torch)['prel'[::-1]](0 * x, x, 2.0, out=torch.empty_like(x))",
    "a script": "torch.jit.CompilationUnit('def f(x):\\n    return torch.le' + 'rp(0 * x, x, 2.0)').f(x)",
    "a trace": "torch.jit.trace(lambda y: getattr(torch, 'prel'[::-1])(0 * y, y, 2.0), x)(x)",
    "many at a time": "getattr(torch, '_foreach_' + 'prel'[::-1])([0 * x], [x], 2.0)[0]",
    "vmap": "torch.vmap(lambda y: getattr(torch, 'prel'[::-1])(0 * y, y, 2.0))(x)",
    "a module imported anew": "(lambda m: m.prel)(__import__('importlib').reload(torch)) and x",
    "another dispatch key": "getattr(torch.ops.aten, 'prel'[::-1]).Scalar.redispatch(torch._C.DispatchKeySet(torch._C.DispatchKey.CPU), 0 * x, x, 2.0)",
    "the reference in Python": "__import__('torch._refs', fromlist=['x']).lerp(0 * x, x, 2.0)",
    "the decomposition": "__import__('torch._decomp', fromlist=['x']).decomposition_table",
    "the fake kernel": "__import__('torch._meta_registrations', fromlist=['x']).meta_lerp(0 * x, x, 2.0)",
    "the library's own": "__import__('course_lib.nn', fromlist=['x'])",
}


@pytest.mark.parametrize("road", ROADS)
def test_a_refused_function_cannot_be_reached_by(road, attack, tools):
    graded = attack(double=f"def double(x):\n    return {ROADS[road]}", unseen=True)
    assert tools.failed(graded) >= tools.DOUBLE


UNDONE = {
    "forgetting the block": (
        "import gc\nfor o in gc.get_objects():\n"
        "    if type(o).__name__ == 'Library' and hasattr(o, '_destroy'): o._destroy()"
    ),
    "clearing what keeps it": (
        "import gc, sys\nfor name, m in list(sys.modules.items()):\n    if hasattr(m, '_kept'): m._kept.clear()\ngc.collect()"
    ),
    "overriding it again": (
        "lib = torch.library.Library('aten', 'IMPL')\n"
        "lib.impl('prel'[::-1] + '.Scalar', lambda a, b, w: a + w * (b - a), 'CPU')"
    ),
    "the list of modules": "import sys\nfor n in [n for n, m in sys.modules.items() if m is None]: del sys.modules[n]",
    "the finder": "import sys; sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != '_Later']",
}


@pytest.mark.parametrize("way", UNDONE)
def test_undoing_the_block_is_at_least_reported(way, attack):
    """The block lies in the student's own process: what is undone there by force is only seen in the source."""
    double = f"{UNDONE[way]}\ndef double(x):\n    return getattr(torch, 'prel'[::-1])(0 * x, x, 2.0)"
    assert any("worth a look" in text or "refused" in text for text in attack(double=double).incidents)


@pytest.mark.parametrize(
    "program",
    [
        "import subprocess, sys\nout = subprocess.run([sys.executable, '-c', 'import torch; print(2)'], capture_output=True).stdout",
        "import os, sys\nos.system(sys.executable + ' -c \"import torch\"')",
        "import multiprocessing\nmultiprocessing.get_context('spawn')",
        "!python -c 'import torch; print(torch.lerp)'",
    ],
)
def test_a_program_of_ones_own_that_the_block_does_not_reach_is_reported(program, attack):
    assert any("worth a look" in text for text in attack(extras=[program]).incidents)
