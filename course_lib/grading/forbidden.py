"""Does an answer call the library function that it should implement?

A reading of the source, for honest mistakes: code that hides its call is not found here.
"""

import ast
import inspect
import textwrap
import types
from collections.abc import Callable, Iterable


def library_calls(functions: Iterable[Callable[..., object]], names: Iterable[str]) -> list[str]:
    """The forbidden names that the functions, or the notebook's functions they call, mention.

    Args:
        functions: the student's answers.
        names: forbidden last names, for example "gelu" for `torch.nn.functional.gelu`.
    Returns:
        One "function uses name" for each find; empty if all is well. A function whose source cannot
        be read is reported as such.
    """
    forbidden, found, waiting, seen = set(names), [], list(functions), set()
    while waiting:
        function = waiting.pop()
        if id(function) in seen:
            continue
        seen.add(id(function))
        title = getattr(function, "__name__", repr(function))
        if not isinstance(function, types.FunctionType):
            found.append(f"{title} is not a function written with def")
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        except (OSError, TypeError, SyntaxError):
            found.append(f"{title}: its source cannot be read")
            continue
        used = _names(tree) - {function.__name__}
        for name in sorted(used):
            value = function.__globals__.get(name)
            if name in forbidden or _is_library(value, forbidden):
                found.append(f"{title} uses {name}")
            elif isinstance(value, types.FunctionType) and value.__module__ == function.__module__:
                waiting.append(value)
    return found


def _names(tree: ast.AST) -> set[str]:
    """Every name, attribute, imported name and identifier-like string in the code, docstrings left out."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            used.add(node.id)
        elif isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.alias):
            used |= set(node.name.split("."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            used.add(node.value)
    return used


def _is_library(value: object, forbidden: set[str]) -> bool:
    """Whether a global is a forbidden function, or an object of a forbidden class, under another name."""
    if isinstance(value, types.ModuleType):
        return value.__name__.rsplit(".", 1)[-1] in forbidden
    module = getattr(value, "__module__", None) or ""
    own = getattr(value, "__name__", type(value).__name__)
    return own in forbidden and module != "__main__"
