"""The floors of course_lib: imports go down, never up, and importing the package loads nothing heavy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import course_lib

ROOT = Path(course_lib.__file__).parent
GROUND = {"text", "nn", "optim", "losses", "kernels", "files", "refusal"}
MIDDLE = {"data", "training"}
APART = {"viz", "grading"}
FILES = sorted(ROOT.rglob("*.py"))


def floor(package: str) -> int:
    return 0 if package in GROUND else 1 if package in MIDDLE else 2


def imported(tree: ast.AST, name: str) -> Iterator[str]:
    """The dotted names of course_lib that a module called `name` imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = name.split(".")[: -node.level] if node.level else []
            module = ".".join(base + ([node.module] if node.module else []))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def edges(path: Path) -> tuple[str, set[str]]:
    """A file's own package and the packages of course_lib that it imports."""
    name = ".".join(("course_lib", *path.relative_to(ROOT).with_suffix("").parts))
    names = [n for n in imported(ast.parse(path.read_text("utf-8")), name) if n.startswith("course_lib.")]
    return name.split(".")[1], {n.split(".")[1] for n in names}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_go_down_and_never_up(path: Path) -> None:
    own, others = edges(path)
    if own in APART:
        return
    for other in others - {own, "__version__"}:
        assert other not in APART, f"{path} imports {other}, which stands apart"
        assert floor(other) <= floor(own), f"{path} (floor {floor(own)}) imports {other}"


def test_package_inits_import_nothing_of_the_package() -> None:
    for init in ROOT.rglob("__init__.py"):
        if init.parent.name in APART:
            continue
        imports = [
            n
            for n in ast.walk(ast.parse(init.read_text("utf-8")))
            if isinstance(n, ast.Import | ast.ImportFrom)
        ]
        assert not imports, f"{init} imports eagerly"


def test_grading_imports_nothing_of_the_rest() -> None:
    for path in (ROOT / "grading").rglob("*.py"):
        own, others = edges(path)
        assert others <= {own, "files", "refusal"}, f"{path} imports {others}"


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, course_lib, course_lib.viz, course_lib.data, course_lib.embeddings, course_lib.text,"
        "course_lib.nn, course_lib.pretraining, course_lib.transfer, course_lib.ensemble;"
        "heavy = {'torch', 'transformers', 'matplotlib', 'IPython', 'numpy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_file_holds_two_ideas() -> None:
    long = {p.name: n for p in FILES if (n := len(p.read_text("utf-8").splitlines())) > 320}
    assert not long
