"""The steps that nbgrader's own pipeline lacks; `nbgrader_config.py` puts them in.

They mend what hurts honest students in nbgrader 0.9 (a warning on stderr scores 0, an untouched essay is
graded 0 by machine, one duplicated cell stops everybody) and keep hidden tests out of the feedback.
"""

import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import Execute, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Integer, Unicode

from course_lib.grading.clean import clean
from course_lib.grading.hide import hide_tests
from course_lib.grading.ingest import rebuild
from course_lib.grading.source_check import check_notebook

Resources = dict[str, Any]


class CheckSource(NbGraderPreprocessor):
    """Refuse to generate a student version from a notebook whose delimiters or metadata are wrong."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        if problems := check_notebook(nb):
            raise ValueError("; ".join(problems))
        return nb, resources


class RebuildFromSource(NbGraderPreprocessor):
    """Put the student's answers into the instructor's notebook, and grade that one."""

    source_directory = Unicode("solutions", help="nbgrader's source directory").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        names = resources["nbgrader"]
        path = Path(self.source_directory) / names["assignment"] / f"{names['notebook']}.ipynb"
        nb, notes = rebuild(nbformat.read(path, as_version=4), nb)
        for note in notes:
            self.log.info("%s: %s", names["student"], note)
        return nb, resources


class ExecuteTrusted(Execute):
    """nbgrader's `Execute` with a time budget for the whole notebook, and without two of its traps.

    It runs the student's code beside the tests, in one kernel, with the instructor's rights: nothing
    here protects the machine, the tests or the gradebook from code that means harm.
    """

    budget = Integer(180, help="seconds for one submission; cells after that are not run").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: Resources, km: Any = None
    ) -> tuple[NotebookNode, Resources]:
        self._deadline = time.monotonic() + self.budget
        self._stopped = ""
        self._cell_timeout = int(self.timeout)  # type: ignore[has-type]
        nb, resources = super().preprocess(nb, resources, km)
        for cell in nb.cells:
            if utils.is_grade(cell) and cell.cell_type == "code":
                cell.outputs = _only_errors_count(cell.outputs)
        return nb, resources

    def preprocess_cell(
        self, cell: NotebookNode, resources: Resources, index: int
    ) -> tuple[NotebookNode, Resources]:
        left = self._deadline - time.monotonic()
        if left <= 0 and not self._stopped:
            self._stopped = f"the notebook took longer than {self.budget} seconds"
        if cell.cell_type == "code" and self._stopped:
            _add_error(cell, "NotRun", f"not run: {self._stopped}")
            return cell, resources
        self.timeout = max(1, min(self._cell_timeout, int(left)))
        try:
            return super().preprocess_cell(cell, resources, index)
        except (CellTimeoutError, DeadKernelError) as error:
            hung = isinstance(error, CellTimeoutError)
            self._stopped = "an earlier cell did not stop" if hung else "an earlier cell ended Python"
            _add_error(cell, "DidNotStop" if hung else "PythonEnded", "nothing after this cell was run")
            return cell, resources


def _add_error(cell: NotebookNode, name: str, text: str) -> None:
    cell.outputs.append(new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"]))


def _only_errors_count(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """A test cell's outputs, so that nbgrader takes points off for an error and for nothing else.

    stderr (a `warnings.warn`, a progress bar) becomes stdout. A displayed value is dropped: nbgrader
    would read it as the number of points.
    """
    kept = [output for output in outputs if output.output_type != "execute_result"]
    for output in kept:
        if output.output_type == "stream":
            output["name"] = "stdout"
    return kept


class SaveGrades(SaveAutoGrades):
    """nbgrader's `SaveAutoGrades`, but a written answer is never graded by machine, not even an empty one."""

    def _add_score(self, cell: NotebookNode, resources: Resources) -> None:
        super()._add_score(cell, resources)
        if utils.is_solution(cell):
            grade = self.gradebook.find_grade(
                cell.metadata["nbgrader"]["grade_id"], self.notebook_id, self.assignment_id, self.student_id
            )
            grade.auto_score = None
            grade.needs_manual_grade = True
            self.gradebook.db.commit()


class HideTests(NbGraderPreprocessor):
    """Take the hidden tests, and all they say, out of the notebook that becomes a student's feedback."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        return hide_tests(nb), resources


class Clean(NbGraderPreprocessor):
    """Take out what a browser would run."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        return clean(nb), resources
