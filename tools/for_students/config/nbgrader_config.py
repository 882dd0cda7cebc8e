"""nbgrader's settings for students: Validate, and handing in through an exchange where there is one."""

import os

from course_lib import validate

c = get_config()  # noqa: F821  (nbgrader defines it)

c.CourseDirectory.course_id = "from-word-vectors-to-pretrained-models"
if os.environ.get("COURSE_WORK"):  # from start.py: where an exchange puts assignments, and takes them from
    c.Exchange.assignment_dir = os.environ["COURSE_WORK"]
c.Execute.timeout = 20  # seconds for a cell, as when grading
c.Execute.extra_arguments = ["--log-level=ERROR"]  # no warning about the connection to a local kernel
c.Validator.failed_warning = "{num_failed} cell(s) need another look:\n"

validate.use()
