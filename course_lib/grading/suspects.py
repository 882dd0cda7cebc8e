"""Words in a student's cells that have no place in homework: told to the instructor, never held against it.

Most attacks leave no trace behind the wall, because they fail there. The source still shows them.
"""

import ast
from collections.abc import Iterable, Iterator

from course_lib.refusal import parse

MODULES = {
    *(
        "ctypes",
        "cffi",
        "subprocess",
        "multiprocessing",
        "socket",
        "signal",
        "resource",
        "gc",
        "fcntl",
        "mmap",
    ),
    *("pty", "psutil", "faulthandler", "atexit", "marshal", "pickle", "site", "runpy", "_posixsubprocess"),
}
ATTRIBUTES = {
    *("_exit", "abort", "fork", "forkpty", "kill", "killpg", "popen", "mkfifo", "setxattr", "chroot", "nice"),
    *("execv", "execve", "execvp", "execl", "execlp", "spawnv", "spawnl", "posix_spawn", "posix_spawnp"),
    *("pidfd_open", "memfd_create", "sched_setaffinity", "setpriority", "prlimit", "closerange", "symlink"),
    *(
        "_getframe",
        "_current_frames",
        "f_back",
        "f_globals",
        "f_locals",
        "tb_frame",
        "settrace",
        "setprofile",
    ),
    *(
        "__torch_function__",
        "__torch_dispatch__",
        "__subclasses__",
        "__globals__",
        "__code__",
        "__builtins__",
    ),
    *("ast_transformers", "input_transformers_post", "input_transformers_cleanup", "history_manager"),
    *("displayhook", "excepthook", "meta_path", "path_hooks", "addaudithook", "sitecustomize", "_kept"),
    *("_C", "_VariableFunctions", "_dispatch_keys", "CompilationUnit", "CustomClass", "load_inline"),
}
TEXTS = ("/proc", "/sys/", "/etc/", "/dev/", "gradebook", "solutions/", "HIDDEN TESTS", "import torch")
OWNERS = {
    "torch",
    "np",
    "numpy",
    "sys",
    "os",
    "builtins",
    "math",
    "random",
    "F",
}  # of things not to be replaced


def suspicions(cells: Iterable[tuple[str, str]]) -> list[str]:
    """One line for each cell, given as (name, source), that holds such words."""
    found = []
    for name, source in cells:
        tree = parse(source)
        words = sorted(set(_words(tree))) if tree is not None else []
        if words:
            found.append(f"worth a look: cell {name} has {', '.join(words[:8])}")
    return found


def _words(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (a.name for a in names if a.name.split(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module), names=names):
                yield from [module] if module.split(".")[0] in MODULES else []
                yield from (f"{module}.{a.name}" for a in names if a.name in ATTRIBUTES | {"system"})
            case ast.Attribute(value=owner, attr=attribute):
                yield from _attribute(owner, attribute, isinstance(node.ctx, ast.Store | ast.Del))
            case ast.FunctionDef(name=name) if name in ATTRIBUTES:
                yield name
            case ast.Call(func=ast.Name(id="setattr" | "delattr" | "vars"), args=[ast.Name(id=owner), *_]):
                yield from [f"changes to {owner}"] if owner in OWNERS else []
            case ast.Constant(value=str(text)):
                yield from (repr(mark) for mark in TEXTS if mark in text)
                yield from [text] if text in MODULES - {"signal", "site", "resource"} | ATTRIBUTES else []


def _attribute(owner: ast.expr, attribute: str, stored: bool) -> Iterator[str]:
    name = owner.id if isinstance(owner, ast.Name) else ""
    if attribute in ATTRIBUTES or (name, attribute) in {
        ("os", "system"),
        ("sys", "modules"),
        ("torch", "library"),
    }:
        yield f"{name}.{attribute}".lstrip(".")
    elif stored and (name in OWNERS or _root(owner) in {"torch", "numpy", "np"}):
        yield f"a new {name or _root(owner)}.{attribute}"


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
