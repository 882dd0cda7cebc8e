"""Probes: questions whose answers the generated language knows, one function each.

Every probe is calibrated: chance < what counting reaches < what an oracle reaches that is given the truth,
each at least ten points apart (see `course_lib.data.calibration`).
"""

from course_lib.data.cloze_probe import GAP, cloze
from course_lib.data.sense_probe import senses
from course_lib.data.word_probes import analogies, similarity, synonyms, true_similarity

__all__ = ["GAP", "analogies", "cloze", "senses", "similarity", "synonyms", "true_similarity"]
