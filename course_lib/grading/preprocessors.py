"""The steps that nbgrader's own pipeline lacks; `nbgrader_config.py` puts them in.

They mend what hurts honest students in nbgrader 0.9 (a warning on stderr scores 0, an untouched essay is
graded 0 by machine, one duplicated cell stops everybody) and keep students' code away from the tests.
"""

from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Bool, Unicode

from course_lib.grading.assignment import load_assignment
from course_lib.grading.grade import grade_notebook
from course_lib.grading.ingest import rebuild
from course_lib.grading.source_check import check_notebook
from course_lib.grading.stations import Station

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


class SplitExecute(NbGraderPreprocessor):
    """In place of nbgrader's `Execute`: the student's code runs behind a wall, the tests outside of it."""

    source_directory = Unicode("solutions", help="nbgrader's source directory").tag(config=True)
    unsafe = Bool(False, help="run without a wall, with your rights").tag(config=True)
    _station: Station | None = None

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        names = resources["nbgrader"]
        if SplitExecute._station is None:
            SplitExecute._station = Station(unsafe=self.unsafe)
        assignment = load_assignment(Path(self.source_directory) / names["assignment"])
        graded = grade_notebook(nb, assignment, SplitExecute._station)
        for incident in graded.incidents:
            self.log.warning("%s: %s", names["student"], incident)
        if graded.failed:
            raise RuntimeError(graded.failed)
        return nb, resources


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
