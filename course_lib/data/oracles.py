"""Oracles: what is reached by someone who is told the truth about everything but the answer.

An oracle sees the senses, clauses and roles of the other words and knows the grammar's tables. That each
reaches far more than counting proves the questions solvable.
"""

import numpy as np

from course_lib.data.cloze_probe import GAPS
from course_lib.data.company import FAVOUR, FAVOURITES
from course_lib.data.constituents import ROLE_NAMES
from course_lib.data.corpus import Corpus
from course_lib.data.grammar import Language
from course_lib.data.lexicon import INFLECTION_NAMES
from course_lib.data.sense_probe import MODIFIERS
from course_lib.data.sentence_probes import role

PLURALS = tuple(INFLECTION_NAMES.index(name) for name in ("plural", "agents"))


def clause_votes(lang: Language, corpus: Corpus, row: int, clause: int, without: int = -1) -> np.ndarray:
    """(topics,) the number of words of each topic in one clause, the token `without` left out."""
    tokens = np.arange(corpus.sentences[row], corpus.sentences[row + 1])
    tokens = tokens[(corpus.clauses[tokens] == clause) & (tokens != without)]
    topics = lang.senses.topic[corpus.senses[tokens]]
    return np.bincount(topics[topics < lang.topics], minlength=lang.topics + 1).astype(float)


def sense(lang: Language, corpus: Corpus, token: int, row: int) -> int:
    """The sense that suits the slot and whose topic the token's clause is about."""
    options = lang.senses_of(lang.forms[corpus.ids[token]])
    votes = clause_votes(lang, corpus, row, int(corpus.clauses[token]), token)
    scores = votes[lang.senses.topic[options]] + 1e-3 * lang.sense_frequencies[options]
    if ROLE_NAMES[corpus.roles[token]] not in MODIFIERS:
        suits = lang.senses.pos[options] == corpus.pos[token]
        scores = np.where(suits, scores, -1.0)
    return int(options[np.argmax(scores)])


def topic(lang: Language, corpus: Corpus, row: int) -> int:
    """The topic of most words outside the aside."""
    return int(np.argmax(clause_votes(lang, corpus, row, 0)))


def gap(lang: Language, corpus: Corpus, token: int, head: int, options: np.ndarray) -> int:
    """The candidate that is most probable beside its head in its clause's topic."""
    row = int(np.searchsorted(corpus.sentences, token, side="right") - 1)
    relation = GAPS[ROLE_NAMES[corpus.roles[token]]][1]
    liked = lang.company.favourites[relation][lang.senses.synset[corpus.senses[head]]]
    votes = clause_votes(lang, corpus, row, int(corpus.clauses[token]), token)
    synsets = lang.senses.synset[options]
    free = votes[lang.senses.topic[options]] / max(votes.sum(), 1.0)
    beside = (synsets[:, None] == liked).sum(axis=1) / FAVOURITES
    return int(np.argmax(FAVOUR * beside + (1 - FAVOUR) * free * lang.sense_frequencies[options]))


def is_plural(lang: Language, corpus: Corpus, verb: int) -> int:
    """1 where the subject of the main verb `verb` is plural, else 0."""
    row = int(np.searchsorted(corpus.sentences, verb, side="right") - 1)
    tokens = np.arange(corpus.sentences[row], verb)
    words = [lang.forms[i] for i in corpus.ids[tokens]]
    subject = tokens[np.isin(corpus.roles[tokens], [role("S"), role("A")])]
    if "they" in words or ("and" in words and "and" not in lang.ambiguous_forms):
        return 1
    return int(len(subject) > 0 and lang.senses.inflection[corpus.senses[subject[0]]] in PLURALS)


def last_name(lang: Language, corpus: Corpus, row: int, entity: int) -> str:
    """The last name that belongs to this first name in the sentence's topic."""
    first, _, kind, _ = lang.entities[entity]
    table = lang.entities
    here = (table[:, 0] == first) & (table[:, 2] == kind) & (table[:, 3] == topic(lang, corpus, row))
    return lang.forms[int(table[np.flatnonzero(here)[0], 1])]


def _event(lang: Language, corpus: Corpus, row: int) -> tuple[int, set[int], int, int]:
    """Main verb's synset, synsets of subject and object, the subject's alone, topic by vote."""
    tokens = np.arange(corpus.sentences[row], corpus.sentences[row + 1])
    roles, synsets = corpus.roles[tokens], lang.senses.synset[corpus.senses[tokens]]
    verb = synsets[roles == role("V")]
    subject = synsets[roles == role("S")]
    others = set(synsets[np.isin(roles, [role("S"), role("O")])].tolist())
    return int(verb[0]), others, int(subject[0]) if len(subject) else -1, topic(lang, corpus, row)


def follows(lang: Language, corpus: Corpus, first: int, second: int) -> float:
    """How well a second sentence continues a first: its topic, its verb in the script, its subject known."""
    verb_a, nouns_a, _, topic_a = _event(lang, corpus, first)
    verb_b, _, subject_b, topic_b = _event(lang, corpus, second)
    script = 2.0 * (lang.company.follows[verb_a] == verb_b)
    return script + 1.5 * (subject_b in nouns_a) - 4.0 * (topic_a != topic_b)


def comes_first(lang: Language, corpus: Corpus, first: int, second: int) -> float:
    """Positive where the sentences stand in the document's order: script, who was known, opening words."""
    score = 0.0
    for a, b, sign in ((first, second, 1.0), (second, first, -1.0)):
        verb_a, nouns_a, subject_a, _ = _event(lang, corpus, a)
        verb_b, _, subject_b, _ = _event(lang, corpus, b)
        script = 3.0 * (lang.company.follows[verb_a] == verb_b)
        known = 1.5 * (subject_b in nouns_a - {subject_a})
        score += sign * (script + known + _edges(lang, corpus, a, b))
    return score


def _edges(lang: Language, corpus: Corpus, first: int, second: int) -> float:
    """Evidence of the opening words: what opens a document comes first, what closes it last."""
    words = [lang.forms[corpus.ids[corpus.sentences[row]]] for row in (first, second)]
    opening = 5.0 * (words[0] in ("first", "initially")) + 5.0 * (words[1] in ("finally", "lastly"))
    return (
        opening
        + 0.5 * (words[0] in ("a", "each", "many", "some"))
        + 0.2 * (words[1] in ("then", "afterwards", "so"))
    )


def entity_type(corpus: Corpus, mention: int) -> int:
    """The type of the nearest earlier entity of the document with the same last name."""
    start, end, kind, _ = corpus.entities[mention]
    starts = corpus.sentences[corpus.documents]
    begin = starts[np.searchsorted(starts, start, side="right") - 1]
    earlier = np.flatnonzero((corpus.entities[:, 0] >= begin) & (corpus.entities[:, 0] < start))
    for row in earlier[::-1]:
        same = corpus.ids[corpus.entities[row, 1] - 1] == corpus.ids[end - 1]
        if same and corpus.entities[row, 1] - corpus.entities[row, 0] == 2:
            return int(corpus.entities[row, 2])
    return int(kind)
