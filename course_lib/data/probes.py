"""Probes: questions whose answers the generated language knows, one function each.

Every probe is calibrated: chance < what counting reaches < what an oracle reaches that is given the truth,
each at least ten points apart (see `course_lib.data.calibration`).
"""

from course_lib.data.cloze_probe import GAP, cloze
from course_lib.data.document_probes import entity_types, next_sentence, sentence_order
from course_lib.data.sense_probe import senses
from course_lib.data.sentence_probes import agreement, names, topics
from course_lib.data.word_probes import analogies, similarity, synonyms, true_similarity

__all__ = [
    "GAP",
    "agreement",
    "analogies",
    "cloze",
    "entity_types",
    "names",
    "next_sentence",
    "senses",
    "sentence_order",
    "similarity",
    "synonyms",
    "topics",
    "true_similarity",
]
