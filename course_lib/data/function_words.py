"""The closed classes of the generated language: real English function words around invented content words.

As in Carroll's "Jabberwocky", a reader sees the grammar although no noun means anything.
"""

# word -> part of speech
FUNCTION_WORDS: dict[str, str] = {
    **dict.fromkeys(("the", "a", "this", "each", "these", "many", "some"), "DET"),
    **dict.fromkeys(("of", "in", "near", "under", "beside", "with", "behind"), "PREP"),
    **dict.fromkeys(("and", "that", "like", "unlike", "than"), "CONJ"),
    **dict.fromkeys(("who", "it", "they"), "PRON"),
    **dict.fromkeys(("is", "are", "was", "were"), "AUX"),
    **dict.fromkeys(("very", "quite", "much", "far", "rather", "somewhat"), "ADV"),
    **dict.fromkeys(("yesterday", "once", "today", "now"), "ADV"),
    **dict.fromkeys(("then", "afterwards", "so", "first", "initially", "finally", "lastly"), "ADV"),
    **dict.fromkeys((",", "."), "PUNCT"),
}
# choices: name -> ((word, probability), ...)
CHOICES: dict[str, tuple[tuple[str, float], ...]] = {
    "new singular": (("a", 0.45), ("the", 0.3), ("this", 0.1), ("each", 0.15)),
    "new plural": (("the", 0.3), ("many", 0.3), ("some", 0.25), ("these", 0.15)),
    "old singular": (("the", 0.7), ("this", 0.3)),
    "old plural": (("the", 0.7), ("these", 0.3)),
    "prep": (("near", 0.3), ("under", 0.2), ("beside", 0.2), ("with", 0.2), ("behind", 0.1)),
    "past": (("yesterday", 0.6), ("once", 0.4)),
    "present": (("now", 0.5), ("today", 0.5)),
    "link": (("then", 0.5), ("afterwards", 0.2), ("so", 0.3)),
    "degree": (("very", 0.6), ("quite", 0.4)),
    "more": (("much", 0.6), ("far", 0.4)),
    "less": (("rather", 0.5), ("somewhat", 0.5)),
    "compare": (("like", 0.6), ("unlike", 0.4)),
    "opening": (("first", 0.7), ("initially", 0.3)),
    "closing": (("finally", 0.7), ("lastly", 0.3)),
}
