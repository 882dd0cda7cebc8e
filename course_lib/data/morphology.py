"""Where the morphemes of the generated language meet: the truth for subword tokenizers.

An inflected form is prefix + stem + suffix (`lexicon.inflect`), so its cuts are known. A spelling
with several analyses (the plural of a noun, and the agents of a verb) takes that of its most frequent sense.
"""

from course_lib.data.grammar import Language
from course_lib.data.lexicon import INFLECTION_NAMES, INFLECTIONS

# inner structure of a suffix: "ors" is the agent "or" and the plural "s"
_INNER = {"ors": (2,)}
_AFFIXES = {
    name: (prefix, suffix) for table in INFLECTIONS.values() for name, (prefix, suffix, _) in table.items()
}


def true_cuts(lang: Language) -> dict[str, tuple[int, ...]]:
    """Form -> the places, in characters from its start, where its morphemes meet; () for a simple form."""
    best: dict[int, int] = {}
    for sense in (-lang.sense_frequencies).argsort(kind="stable").tolist():
        best.setdefault(int(lang.senses.form[sense]), sense)
    found = {}
    for form, sense in best.items():
        word = lang.forms[form]
        prefix, suffix = _AFFIXES.get(INFLECTION_NAMES[lang.senses.inflection[sense]], ("", ""))
        start = len(word) - len(suffix)
        places = {len(prefix), start, *(start + inner for inner in _INNER.get(suffix, ()))}
        found[word] = tuple(sorted(place for place in places if 0 < place < len(word)))
    return found
