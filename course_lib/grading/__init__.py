"""The instructor's side: releasing, grading and returning assignments with nbgrader.

Nothing here imports the rest of the library, and nothing in the library imports this package.
Students do not get it.
"""
