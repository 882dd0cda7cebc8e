"""Does an answer reach a library function that it should have written itself? A reading of the source.

It is for clear words and honest mistakes, in Validate on the student's side and in the grader; code that
hides its call is stopped where it runs (`grading/inside/refuse.py`).
"""

import ast
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager

ALWAYS = ("course_lib",)
LOOKUPS = {"getattr", "attrgetter", "methodcaller", "__import__", "import_module", "eval", "exec"}
_one_at_a_time = threading.RLock()


@dataclass
class _Use:
    """What the code that defines one name mentions: other names, and refused functions."""

    names: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)


def refused_uses(cells: Iterable[str], refused: Iterable[str]) -> dict[str, str]:
    """The names defined in the student's cells that reach a refused function, with that function's name.

    Args:
        cells: the sources of the student's cells, in order; one that Python cannot read is passed over.
        refused: dotted names, for example "torch.nn.functional.gelu".
    """
    wanted = (*ALWAYS, *refused)
    trees = [tree for source in cells if (tree := parse(source)) is not None]
    uses: dict[str, _Use] = {}
    for node in (node for tree in trees for node in tree.body):
        use = _use(node, wanted)
        for name in _defined(node):
            known = uses.setdefault(name, _Use())
            known.names |= use.names
            known.refused |= use.refused
    last = _by_last_name(wanted)
    found = {name: _reached(name, uses, last) for name in uses}
    return {name: hit for name, hit in found.items() if hit}


@lru_cache(maxsize=256)
def parse(source: str) -> ast.Module | None:
    """The syntax tree of a cell, its magics and all; None if Python cannot read it."""
    for plain in (str, TransformerManager().transform_cell):  # few cells have magics
        try:
            return tree_of(plain(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def tree_of(source: str) -> ast.Module:
    """`ast.parse` for a grader with threads.

    Python 3.11 counts the depth of a tree in one place for all threads: two that parse at once can fail
    with "SystemError: AST constructor recursion depth mismatch".
    """
    with _one_at_a_time:
        return ast.parse(source)


def _by_last_name(refused: Iterable[str]) -> dict[str, str]:
    return {name.rpartition(".")[2]: name for name in refused}


def _reached(name: str, uses: Mapping[str, _Use], last: Mapping[str, str]) -> str:
    """A refused function that `name` reaches through other names of the notebook; "" if there is none.

    A bare name that the student did not define comes from somewhere else, by `import *` for example.
    """
    waiting, seen = [name], {name}
    while waiting:
        use = uses[waiting.pop()]
        strange = {last[other] for other in use.names if other in last and other not in uses}
        if found := use.refused | strange:
            return min(found)
        waiting += [other for other in use.names if other in uses and other not in seen]
        seen |= use.names
    return ""


def _defined(node: ast.stmt) -> set[str]:
    """The names that a statement at the top of a cell defines, also inside of `if` and `with`."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    for child in ast.walk(node):
        if isinstance(child, inner) and child is not node:
            names |= _defined(child)
    return names


def _use(node: ast.stmt, refused: tuple[str, ...]) -> _Use:
    """The names that a statement reads, and the refused functions that it mentions."""
    last = _by_last_name(refused)
    within = list(ast.walk(node))
    own = _own_names(node, within)
    use = _Use()
    for child in within:
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load) and child.id not in own:
            use.names.add(child.id)
            mentioned = []
        elif isinstance(child, ast.Attribute):
            hit = last.get(child.attr, "")
            mentioned = [child.attr] if _is_method(hit) or _root(child) not in own | {""} else []
        elif isinstance(child, ast.Import | ast.ImportFrom):
            mentioned = _imported(child, refused)
        elif isinstance(child, ast.Call) and _last_name(child.func) in LOOKUPS:
            mentioned = [word for text in _texts(child) for word in text.replace("(", ".").split(".")]
        else:
            continue
        use.refused |= {last[word] for word in mentioned if word in last}
    return use


def _own_names(node: ast.stmt, within: list[ast.AST]) -> set[str]:
    """Arguments and local variables: reading them, or what they have, is no use of anything outside."""
    arguments = {n.arg for n in within if isinstance(n, ast.arg)}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return arguments | _stored(within) | {node.name}
    loops = (n.target for n in within if isinstance(n, ast.comprehension))
    return arguments | _stored(inner for target in loops for inner in ast.walk(target))


def _stored(nodes: Iterable[ast.AST]) -> set[str]:
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _root(node: ast.expr) -> str:
    """The name at the beginning of `a.b.c`; "" if something else stands there."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_method(name: str) -> bool:
    """Whether a refused name is that of a method, which is called on an object of any name."""
    return "." in name and name.split(".")[-2][:1].isupper()


def _imported(node: ast.Import | ast.ImportFrom, refused: tuple[str, ...]) -> list[str]:
    """The last names of refused things that an import brings in, or that lie above what it brings in."""
    base = f"{node.module}." if isinstance(node, ast.ImportFrom) and node.module else ""
    full = [base + alias.name for alias in node.names]
    return [
        name.rpartition(".")[2]
        for name in refused
        if any(path == name or path.startswith(name + ".") for path in full)
    ]


def _last_name(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def _texts(call: ast.Call) -> list[str]:
    return [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
