"""The library behind "From Word Vectors to Pretrained Models".

Importing this package, or any of its sub-packages, loads nothing heavy: import the file you need,
for example ``from course_lib.embeddings import word2vec``.
"""

__version__ = "0.1.0"
