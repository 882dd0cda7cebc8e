"""nbgrader's settings for this course, for `make release`, `make grade`, formgrader and plain nbgrader."""

import os
import sys
from pathlib import Path

import nbgrader
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    IgnorePattern,
    LimitOutput,
    LockCells,
    OverwriteCells,
    OverwriteKernelspec,
    SaveCells,
)

from course_lib.grading import feedback
from course_lib.grading.exchange import Collect, ReleaseFeedback
from course_lib.grading.feedback import FeedbackExporter
from course_lib.grading.preprocessors import (
    CheckSource,
    RebuildFromSource,
    SaveGrades,
    SplitExecute,
)

c = get_config()  # noqa: F821  (nbgrader defines it)

# nbgrader runs `alembic` by name; it lies beside this Python also when .venv is not activated.
BESIDE_PYTHON, SEARCHED = str(Path(sys.executable).parent), os.environ.get("PATH", "")
if BESIDE_PYTHON not in SEARCHED.split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([BESIDE_PYTHON, SEARCHED])

c.CourseDirectory.course_id = "from-word-vectors-to-pretrained-models"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
# Folders that nbgrader must not copy to students: the files of hidden tests are among them.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".pytest_cache", "hidden"]

# nbgrader's own steps, after a check that finds typos in delimiters before they ship hidden tests.
c.GenerateAssignment.preprocessors = [
    CheckSource,
    LockCells,
    ClearSolutions,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
    SaveCells,
    ClearHiddenTests,
    ClearMarkScheme,
    ComputeChecksums,
    CheckCellMetadata,
]
# The submission is rebuilt from the instructor's notebook before anything else looks at it.
c.Autograde.sanitize_preprocessors = [
    RebuildFromSource,
    ClearOutput,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]
# SplitExecute runs the students' code behind a wall, and the tests outside of it.
c.Autograde.autograde_preprocessors = [
    SplitExecute,
    IgnorePattern,
    ClearMetadataPreprocessor,
    LimitOutput,
    SaveGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
# On a course server with an exchange: the time, the owner and the files are not for students to choose.
c.ExchangeFactory.collect = Collect
c.ExchangeFactory.release_feedback = ReleaseFeedback
# What students get back: one page that shows no hidden test, runs nothing and fetches nothing.
c.GenerateFeedback.preprocessors = []
c.GenerateFeedback.exporter_class = FeedbackExporter
# Formgrader: sanitised, as far as its templates heed it; its keys work without a network, too.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.extra_template_basedirs = [
    str(Path(feedback.__file__).parent / "templates"),
    str(Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"),
]
