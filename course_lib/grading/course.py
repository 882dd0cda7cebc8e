"""Run nbgrader's converters on a course folder, quietly, with this course's configuration."""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader
from traitlets.log import get_logger

SOURCES, RELEASES = "solutions", "assignments"


def load_config(config_file: Path, root: Path) -> Config:
    """The settings of `nbgrader_config.py`, for the course folder `root`."""
    config = PyFileConfigLoader(config_file.name, path=str(config_file.parent)).load_config()
    config.CourseDirectory.root = str(root.resolve())
    return config


def convert(
    converter: type, config: Config, assignment: str, student: str = "*", **directories: str
) -> list[str]:
    """Run one converter (GenerateAssignment, Autograde, GenerateFeedback) and return its warnings.

    Args:
        converter: a class of `nbgrader.converters`.
        config: as `load_config` gives it.
        assignment: its name.
        student: one student's id, or "*".
        directories: traits of nbgrader's CourseDirectory to replace, for example `submitted_directory`.
    Raises:
        nbgrader.converters.base.NbGraderException: if it failed; the log says why.
    """
    from nbgrader.coursedir import CourseDirectory

    config = copy.deepcopy(config)
    for name, value in directories.items():
        config.CourseDirectory[name] = value
    with _quiet() as messages:
        coursedir = CourseDirectory(config=config)
        coursedir.assignment_id, coursedir.student_id = assignment, student
        worker: Any = converter(coursedir=coursedir, config=config)
        worker.force = True
        worker.start()
    return messages


class _Collector(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """nbgrader's warnings as a list instead of lines on stderr; an error carries its last ones along."""
    messages: list[str] = []
    logger = logging.getLogger(get_logger().name)
    before = logger.handlers[:], logger.propagate
    logger.handlers, logger.propagate = [_Collector(messages)], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SQLAlchemy's, about nbgrader's own queries
            yield messages
    except Exception as error:
        for message in messages[-3:]:
            error.add_note(message)
        raise
    finally:
        logger.handlers, logger.propagate = before
