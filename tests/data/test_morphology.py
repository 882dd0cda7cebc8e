"""True cuts of the generated language."""

from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.lexicon import INFLECTION_NAMES
from course_lib.data.morphology import true_cuts

LANG = Language(LanguageConfig.tiny())
CUTS = true_cuts(LANG)


def test_every_form_has_cuts_inside_it():
    assert set(CUTS) == set(LANG.forms)
    assert all(0 < place < len(word) for word, places in CUTS.items() for place in places)


def test_forms_of_one_lemma_share_the_stem_between_the_cuts():
    once = {form for form in range(len(LANG.forms)) if (LANG.senses.form == form).sum() == 1}
    stems: dict[int, set[str]] = {}
    for form, lemma, inflection in zip(
        LANG.senses.form, LANG.senses.lemma, LANG.senses.inflection, strict=True
    ):
        if form not in once or INFLECTION_NAMES[inflection] == "word":
            continue
        word = LANG.forms[form]
        start, *rest = (0, *CUTS[word], len(word))
        stem = word[2:] if INFLECTION_NAMES[inflection] == "not" else word[start : rest[0]]
        stems.setdefault(int(lemma), set()).add(stem)
    assert len(stems) > 50
    assert all(len(stem) == 1 for stem in stems.values())


def test_agents_are_cut_twice_and_function_words_never():
    agents = INFLECTION_NAMES.index("agents")
    words = [LANG.forms[f] for f in LANG.senses.form[LANG.senses.inflection == agents]]
    twice = [word for word in words if CUTS[word] == (len(word) - 3, len(word) - 1)]
    assert len(twice) > 0.8 * len(words) > 0
    plain = LANG.senses.inflection == INFLECTION_NAMES.index("word")
    assert sum(CUTS[LANG.forms[f]] == () for f in LANG.senses.form[plain]) > 0.9 * plain.sum()
