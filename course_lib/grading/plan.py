"""What the tester has to know of an assignment, read once from the instructor's notebook."""

import ast
import re
import symtable
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType

from nbformat import NotebookNode

from course_lib.grading.regions import HIDDEN, lines
from course_lib.refusal import tree_of


@dataclass(frozen=True)
class Test:
    """A locked cell with points.

    Attributes:
        code: all of it.
        public: what students see of it; None if that is nothing. Line numbers are those of `code`.
        hidden: whether it has hidden lines.
        names: the names that it reads and does not define.
        group: hidden tests of one group share a copy of the student's process.
        seed: for the random numbers drawn while it runs.
    """

    grade_id: str
    points: float
    source: str
    code: CodeType = field(repr=False)
    public: CodeType | None = field(repr=False)
    hidden: bool
    names: frozenset[str]
    group: frozenset[str]
    seed: int


@dataclass(frozen=True)
class Plan:
    """An assignment as the tester sees it.

    Attributes:
        helpers: locked cells without points that use nothing of the student's, as (grade_id, code).
        remote: names that only the worker has: the student's, and those computed from them.
        tests: in the notebook's order.
        refused: dotted names of library functions that the student must not call.
        imports: modules that helpers and tests import.
    """

    helpers: tuple[tuple[str, CodeType], ...]
    remote: frozenset[str]
    tests: tuple[Test, ...]
    refused: tuple[str, ...]
    imports: frozenset[str] = frozenset()


def make_plan(source: NotebookNode) -> Plan:
    """Read the instructor's notebook, with its solutions and hidden tests."""
    code_cells = [cell for cell in source.cells if cell.cell_type == "code" and is_ours(cell)]
    remote = {name for cell in code_cells if is_answer(cell) for name in defined_names(cell.source)}
    helpers, sources = [], [cell.source for cell in code_cells if is_test(cell)]
    for cell in code_cells:
        if is_answer(cell) or is_test(cell):
            continue
        if read_names(cell.source) & remote:
            remote |= defined_names(cell.source)
        else:
            helpers.append((grade_id(cell), compile(cell.source, f"cell {grade_id(cell)}", "exec")))
            sources.append(cell.source)
    return Plan(
        helpers=tuple(helpers),
        remote=frozenset(remote),
        tests=tuple(_test(cell, remote, together(source)) for cell in code_cells if is_test(cell)),
        refused=tuple(source.metadata.get("course", {}).get("refused", ())),
        imports=frozenset(name for text in sources for name in imported(tree_of(text))),
    )


def together(source: NotebookNode) -> list[frozenset[str]]:
    """Functions whose hidden tests may share a copy, as the notebook's metadata name them.

    No test of one of them may be given what another of them computes; by default each keeps to itself.
    """
    return [frozenset(names) for names in source.metadata.get("course", {}).get("together", ())]


def _test(cell: NotebookNode, remote: set[str], groups: list[frozenset[str]]) -> Test:
    name = grade_id(cell)
    names = read_names(cell.source) - defined_names(cell.source)
    functions = frozenset(names & remote)
    parts = list(lines(cell.source))
    public = "\n".join("" if line.kind == HIDDEN else line.text for line in parts)
    return Test(
        grade_id=name,
        points=float(cell.metadata.nbgrader.points),
        source=cell.source,
        code=compile(cell.source, f"test {name}", "exec"),
        public=compile(public, f"test {name}", "exec") if tree_of(public).body else None,
        hidden=any(line.kind == HIDDEN for line in parts),
        names=names,
        group=next((group for group in groups if functions <= group), functions),
        seed=zlib.crc32(name.encode()),
    )


def by_group(tests: Iterable[Test]) -> list[Test]:
    """Tests of one group one after the other, so that they find one copy of the worker open."""
    groups: dict[frozenset[str], list[Test]] = {}
    for test in tests:
        groups.setdefault(test.group, []).append(test)
    return [test for group in groups.values() for test in group]


def cells_to_run(notebook: NotebookNode, plan: Plan) -> list[NotebookNode]:
    """The code cells that the worker has to run: all but the tests, and but the instructor's demonstrations.

    A demonstration is a locked cell that shows the student something about the student's own functions and
    defines nothing that another cell reads.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    helpers = {name for name, _ in plan.helpers}
    chosen, read_below = [], set[str]()
    for cell in reversed(cells):
        students = is_answer(cell) or not is_ours(cell)
        shows_only = (
            not students and grade_id(cell) not in helpers and not defined_names(cell.source) & read_below
        )
        if not is_test(cell) and not shows_only:
            chosen.append(cell)
        read_below |= (
            _words(cell.source) if students else read_names(cell.source) - defined_names(cell.source)
        )
    return chosen[::-1]


def _words(source: str) -> set[str]:
    """The words of a cell that may be names, also where Python cannot read it."""
    return set(re.findall(r"[^\W\d]\w*", source))


def is_ours(cell: NotebookNode) -> bool:
    """Whether the cell has nbgrader's metadata: in a rebuilt notebook the student's own cells have none."""
    return "nbgrader" in cell.metadata


def is_answer(cell: NotebookNode) -> bool:
    """A cell for the student to fill in."""
    return is_ours(cell) and bool(cell.metadata.nbgrader.get("solution"))


def is_test(cell: NotebookNode) -> bool:
    """A locked code cell with points."""
    return is_ours(cell) and bool(cell.metadata.nbgrader.get("grade")) and not is_answer(cell)


def grade_id(cell: NotebookNode) -> str:
    """nbgrader's name for the cell; "" for a student's own."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


@lru_cache(maxsize=1024)
def defined_names(source: str) -> frozenset[str]:
    """The functions, classes and variables that a cell defines at its top level; no imports."""
    symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    assigned = (s for s in symbols if (s.is_assigned() or s.is_annotated()) and not s.is_imported())
    return frozenset(s.get_name() for s in assigned)


@lru_cache(maxsize=1024)
def read_names(source: str) -> frozenset[str]:
    """The global names that a cell reads, in its functions, too."""
    waiting, found = [symtable.symtable(source, "cell", "exec")], set[str]()
    while waiting:
        scope = waiting.pop()
        waiting += scope.get_children()
        top = scope.get_type() == "module"
        found |= {s.get_name() for s in scope.get_symbols() if s.is_referenced() and (top or s.is_global())}
    return frozenset(found)


def imported(tree: ast.Module) -> set[str]:
    """The modules that a cell imports, in its functions, too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found
