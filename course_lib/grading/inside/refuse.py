"""Make the library functions that an assignment asks for unusable, in the worker's own process.

Each goes in three places: under its name, in its class, and in PyTorch's dispatcher, where every road to an
operator meets. The reading of the source (`refusal.py`, outside) says it more clearly, and first.
"""

import importlib.abc
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import torch

ALWAYS = ("course_lib", "torch._refs", "torch._decomp")  # answers of the course, and of PyTorch for itself
_kept: list[Any] = []  # PyTorch forgets an override when its library object dies


class RefusedCallError(RuntimeError):
    """The student's code called a function that it was asked to write."""


def refuse(names: Iterable[str]) -> None:
    """Block modules, functions and classes by their dotted names; unknown ones are passed over.

    A module that is not loaded yet is dealt with when it is.
    """
    later: dict[str, list[str]] = {}
    for name in (*ALWAYS, *names):
        if name.startswith("torch.ops.aten."):
            _block_operator(name.rpartition(".")[2], name)
            continue
        parent_name, _, last = name.rpartition(".")
        module = _module_of(name)
        if module and module not in sys.modules:
            later.setdefault(module, []).append(name)
            continue
        parent = _find(parent_name)
        thing = getattr(parent, last, None) if parent is not None else None
        if thing is None or isinstance(thing, type(sys)):
            _block_module(name)
        elif isinstance(thing, type):
            _block_class(thing, name)
        else:
            setattr(parent, last, _raiser(name))
            _block_operator(last, name)
    if later:
        sys.meta_path.insert(0, _Later(later))


def _module_of(name: str) -> str:
    """The innermost module above a name, as its spelling tells: what comes before a class is a module."""
    parts = name.split(".")[:-1]
    while parts and parts[-1][:1].isupper():
        parts.pop()
    return ".".join(parts)


def _find(name: str) -> Any:
    """The loaded module or class of that name."""
    if name in sys.modules:
        return sys.modules[name]
    parent, _, last = name.rpartition(".")
    return getattr(_find(parent), last, None) if parent else None


class _Later(importlib.abc.MetaPathFinder):
    """Lets a module be imported, then blocks what is refused of it."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        """The module's own spec, with the blocking added to its loader."""
        if fullname not in self.names:
            return None
        refused = self.names.pop(fullname)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_block(module: Any) -> None:
                load(module)
                refuse(refused)

            spec.loader.exec_module = load_and_block  # type: ignore[method-assign]
        return spec


def _raiser(name: str) -> Callable[..., NoReturn]:
    def refused(*_: object, **__: object) -> NoReturn:
        raise RefusedCallError(f"{name} is refused in this assignment: write the formula yourself")

    return refused


def _block_module(name: str) -> None:
    """Make `import name` fail, also where it has been imported already."""
    for loaded in [key for key in sys.modules if key == name or key.startswith(name + ".")]:
        del sys.modules[loaded]
    parent, _, last = name.rpartition(".")
    if parent in sys.modules and hasattr(sys.modules[parent], last):
        delattr(sys.modules[parent], last)
    sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to say "not to be imported"


def _block_class(cls: Any, name: str) -> None:
    cls.__init__ = _raiser(name)


def _block_operator(last: str, name: str) -> None:
    """Replace the operators behind a function of PyTorch, for every road, in place and in lists."""
    if not name.startswith("torch."):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns that an operator is overridden: that is the purpose
        for operator in (last, f"{last}_", f"_foreach_{last}", f"_foreach_{last}_"):
            packet = getattr(torch.ops.aten, operator, None)
            for overload in packet.overloads() if packet is not None else ():
                library = torch.library.Library("aten", "IMPL")
                full = operator if overload == "default" else f"{operator}.{overload}"
                library.impl(full, _raiser(name), "CPU")
                _kept.append(library)
