"""When a page's outputs are out of date.

A page's key is a hash of everything its outputs can depend on: the code of its cells, each module of
`course_lib` that it imports (directly or through other modules), the files it names under `course: data:`
in its front matter, recorded results it loads by name, and the versions of the main libraries.
Imports are found by reading the code, never by running it.
"""

import ast
import hashlib
import importlib.metadata
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .pages import ROOT, BookError, Page

PACKAGE = "course_lib"
VERSIONED = (
    "torch", "numpy", "scipy", "scikit-learn", "matplotlib", "ipywidgets", "ipykernel",
    "networkx", "tokenizers", "transformers", "jieba",
)  # fmt: skip


def main_versions() -> str:
    """The versions that may change an output, one line each."""
    lines = [f"python {platform.python_version()}"]
    for name in VERSIONED:
        try:
            lines.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"{name} absent")
    return "\n".join(lines)


def without_magics(source: str) -> str:
    """The cell as plain Python: lines that only IPython understands become `pass`."""
    return re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", source)


@dataclass
class Mentions:
    """What a piece of code names: modules that it may import, and its string constants."""

    modules: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)


def mentions(tree: ast.AST, package: str = "") -> Mentions:
    """Modules and strings named in `tree`; `package` is where relative imports start."""
    found = Mentions()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*anchor, *([node.module] if node.module else [])])
            found.modules.add(base)
            found.modules.update(f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):  # `import course_lib.viz` and then `course_lib.viz.x`
            found.modules.add(ast.unparse(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
            found.strings.add(node.value)
    return found


class Library:
    """The files of `course_lib` and which of them import which."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        base = root / PACKAGE
        files = [p for p in base.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        self.modules = {self._name(p): p for p in files if p.suffix == ".py"}
        self.resources: dict[str, list[Path]] = {}
        for path in files:
            if path.suffix not in (".py", ".pyc", ".tmp"):
                self.resources.setdefault(path.name, []).append(path)
        self._mentions: dict[str, Mentions] = {}

    def _name(self, path: Path) -> str:
        parts = path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def in_module(self, module: str) -> Mentions:
        """What a module of the library names (empty where it does not parse)."""
        if module not in self._mentions:
            path = self.modules[module]
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            try:
                self._mentions[module] = mentions(ast.parse(path.read_text(encoding="utf-8")), package)
            except SyntaxError:
                self._mentions[module] = Mentions(set(self.modules))
        return self._mentions[module]

    def _with_parents(self, name: str) -> Iterator[str]:
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            if (prefix := ".".join(parts[:end])) in self.modules:
                yield prefix

    def closure(self, first: Mentions) -> tuple[set[str], set[Path]]:
        """Modules reached from `first` by imports, and the data files that they name."""
        modules: set[str] = set()
        strings: set[str] = set(first.strings)
        todo = [m for name in first.modules | first.strings for m in self._with_parents(name)]
        while todo:
            module = todo.pop()
            if module in modules:
                continue
            modules.add(module)
            inside = self.in_module(module)
            strings |= inside.strings
            # A string that is a module's full name counts as an import (lazy loading by name).
            todo += [m for name in inside.modules for m in self._with_parents(name)]
            todo += [name for name in inside.strings if name in self.modules]
        files = {p for text in strings for p in self.resources.get(text.rpartition("/")[2], [])}
        return modules, files


def page_files(page: Page, library: Library) -> list[Path]:
    """Every file that the outputs of `page` depend on, sorted.

    Raises:
        BookError: if the page declares a file that does not exist.
    """
    found = Mentions()
    for cell in page.cells:
        try:
            seen = mentions(ast.parse(without_magics(cell)))
        except SyntaxError:
            seen = Mentions(set(library.modules))  # not plain Python: depend on everything
        found.modules |= seen.modules
        found.strings |= seen.strings
    modules, files = library.closure(found)
    files |= {library.modules[name] for name in modules}
    for name in page.data:
        files.update(declared(page, name, library.root))
    results = library.root / "experiments" / "results"
    for text in found.strings:
        stem = text.rpartition("/")[2].removesuffix(".json")
        if re.fullmatch(r"[\w.-]+", stem) and (results / f"{stem}.json").is_file():
            files.add(results / f"{stem}.json")
    return sorted(files)


def declared(page: Page, name: str, root: Path) -> Iterable[Path]:
    """The files behind one line of `course: data:`; a folder stands for all files in it."""
    path = root / name
    if path.is_dir():
        return [p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    if not path.is_file():
        raise BookError(
            f"{page.document}.md: front matter names {name} under `course: data:`, but it does not exist"
        )
    return [path]


def page_key(page: Page, library: Library, versions: str | None = None) -> str:
    """The hash that changes when the page's outputs may change."""
    digest = hashlib.sha256((main_versions() if versions is None else versions).encode())
    for cell in page.cells:
        digest.update(b"\0cell\0" + cell.encode())
    for path in page_files(page, library):
        digest.update(
            b"\0file\0" + path.relative_to(library.root).as_posix().encode() + b"\0" + path.read_bytes()
        )
    return digest.hexdigest()[:24]
