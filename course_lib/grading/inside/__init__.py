"""What lies inside the wall, beside the student's code: it holds no test, no solution and no secret.

The folder is mounted into the wall by itself, so its files import nothing of the course but each other.
"""

WRITABLE = ("/tmp", "/dev/shm")  # behind a wall, and emptied after each submission
