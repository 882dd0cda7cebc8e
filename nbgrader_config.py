"""nbgrader's settings for this course, for `make release`, `make grade`, formgrader and plain nbgrader."""

import os
import sys
from pathlib import Path

from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    LockCells,
    OverwriteCells,
    OverwriteKernelspec,
    SaveCells,
)

from course_lib.grading.preprocessors import (
    CheckSource,
    Clean,
    ExecuteTrusted,
    HideTests,
    RebuildFromSource,
    SaveGrades,
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
# ExecuteTrusted runs the students' code WITHOUT isolation: grade only submissions you trust.
c.Autograde.autograde_preprocessors = [
    ExecuteTrusted,
    IgnorePattern,
    ClearMetadataPreprocessor,
    LimitOutput,
    SaveGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.ExecuteTrusted.shutdown_kernel = "immediate"
c.ExecuteTrusted.extra_arguments = ["--log-level=ERROR"]
c.ExecuteTrusted.timeout = 30
c.ExecuteTrusted.budget = 180

# What students get back shows neither hidden tests nor what they print; scripts in it do not run.
c.GenerateFeedback.preprocessors = [GetGrades, HideTests, Clean, CSSHTMLHeaderPreprocessor]
c.HTMLExporter.sanitize_html = True  # Formgrader, as far as its templates heed it
