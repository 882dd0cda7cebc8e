"""Documents before they have words: topics, casts, and who does what to whom in each sentence.

A document has one topic and a cast of one entity of each type. Its sentences follow a plot: the subject is
often somebody who was in the sentence before, and the verb often the one that follows the verb before (a
fixed "script" of the topic). So the order of sentences can be told from their content.
"""

from dataclasses import dataclass

import numpy as np

from course_lib.data.company import Company
from course_lib.data.constituents import AGAIN, PARTS
from course_lib.data.lexicon import ENTITY_TYPES, partner

SENTENCES = (4, 12)  # least and most sentences of a document
CONTINUES = 0.45  # a sentence's subject was in the sentence before
SCRIPT = 0.7  # a sentence's verb is the follower of the verb before
PARTNER = 0.7  # an aside is about the partner topic
PLURAL = 0.4
PAST = 0.4
MARKED = 0.5  # a document's first and last sentence are marked as such
SHORT = 0.6  # a later mention of an entity is its last name alone


@dataclass
class Plot:
    """One row a sentence (n,), in document order.

    Attributes:
        document, place: the sentence's document and its index there. topic, other: own topic and its aside's.
        prefix, subject, predicate: indices into the phrases of constituents.PARTS.
        units: role letter -> drawn unit, for S, V and O. lemmas: the same for lemmas. old: S was mentioned
        before.
        plural, past: the subject's number, the tense. cast: (n, 3) entity ids by type.
    """

    document: np.ndarray
    place: np.ndarray
    topic: np.ndarray
    other: np.ndarray
    prefix: np.ndarray
    subject: np.ndarray
    predicate: np.ndarray
    units: dict[str, np.ndarray]
    lemmas: dict[str, np.ndarray]
    numbers: dict[str, np.ndarray]
    old: np.ndarray
    past: np.ndarray
    cast: np.ndarray


def draw_plots(documents: int, company: Company, casts: np.ndarray, generator: np.random.Generator) -> Plot:
    """Plots of so many documents.

    Args:
        documents: how many. company: the distributions of content words.
        casts: (topics, types, choices) entity ids, all choices equally likely.
        generator: source of randomness.
    """
    lengths = generator.integers(SENTENCES[0], SENTENCES[1] + 1, size=documents)
    topics = generator.integers(company.topics, size=documents)
    pick = generator.integers(casts.shape[2], size=(documents, len(ENTITY_TYPES)))
    cast = casts[topics[:, None], np.arange(len(ENTITY_TYPES)), pick]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    n = int(starts[-1])
    document = np.repeat(np.arange(documents), lengths)
    units, lemmas, numbers, old = _events(starts, topics, company, generator)
    phrases = {part: _choose(part, n, generator) for part in PARTS}
    subject_names = [phrase.name for phrase in PARTS["subject"]]
    names = [phrase.name for phrase in PARTS["predicate"]]
    both = (phrases["predicate"] == names.index("aside")) & (
        phrases["subject"] == subject_names.index("aside")
    )
    phrases["predicate"][both] = names.index("object")  # one aside a sentence
    lost = (phrases["subject"] == subject_names.index("pronoun")) & ~old
    phrases["subject"][lost] = subject_names.index("plain")
    _shorten_mentions(phrases, document, generator)
    _mark_ends(phrases["prefix"], starts, generator)
    forced = np.array([-1 if p.number is None else p.number for p in PARTS["subject"]])[phrases["subject"]]
    numbers["S"] = np.where(forced >= 0, forced, numbers["S"])
    topic = topics[document]
    any_other = (topic + generator.integers(1, company.topics, size=n)) % company.topics
    other = np.where(generator.random(n) < PARTNER, partner(topic), any_other)
    return Plot(
        document=document,
        place=np.arange(n) - starts[document],
        topic=topic,
        other=other,
        **phrases,
        units=units,
        lemmas=lemmas,
        numbers=numbers,
        old=old,
        past=generator.random(n) < PAST,
        cast=cast[document],
    )


def _choose(part: str, n: int, generator: np.random.Generator) -> np.ndarray:
    probabilities = np.array([phrase.probability for phrase in PARTS[part]])
    cumulative = np.cumsum(probabilities) / probabilities.sum()
    return np.searchsorted(cumulative, generator.random(n), side="right")


def _mark_ends(prefix: np.ndarray, starts: np.ndarray, generator: np.random.Generator) -> None:
    """Let first and last sentences open with words of their own and never with a link, in place."""
    names = [phrase.name for phrase in PARTS["prefix"]]
    for rows, name in ((starts[:-1], "opening"), (starts[1:] - 1, "closing")):
        prefix[rows[prefix[rows] == names.index("link")]] = names.index("none")
        prefix[rows[generator.random(len(rows)) < MARKED]] = names.index(name)


def _shorten_mentions(
    phrases: dict[str, np.ndarray], document: np.ndarray, generator: np.random.Generator
) -> None:
    """Replace later mentions of a document's entities by the last name alone, in place."""
    for part, column in phrases.items():
        names = [phrase.name for phrase in PARTS[part]]
        for full in (name for name in names if name in AGAIN):
            rows = np.flatnonzero(column == names.index(full))
            later = np.ones(len(rows), bool)
            later[np.unique(document[rows], return_index=True)[1]] = False
            column[rows[later & (generator.random(len(rows)) < SHORT)]] = names.index(AGAIN[full])


def _events(
    starts: np.ndarray, topics: np.ndarray, company: Company, generator: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Draw subject, verb and object of every sentence, all documents abreast."""
    n, lengths = int(starts[-1]), np.diff(starts)
    units = {role: np.zeros(n, np.int64) for role in "SVO"}
    lemmas = {role: np.zeros(n, np.int64) for role in "SVO"}
    numbers = {role: generator.random(n) < PLURAL for role in "SO"}
    old = np.zeros(n, bool)
    for place in range(SENTENCES[1]):
        active = np.flatnonzero(lengths > place)
        rows, topic = starts[active] + place, topics[active]
        units["S"][rows] = company.draw_free("noun", topic, generator)
        lemmas["S"][rows] = company.lemma(units["S"][rows], generator)
        if place:
            stays = generator.random(len(rows)) < CONTINUES
            object_again = generator.random(len(rows)) < 0.5
            for role, chosen in (("S", stays & ~object_again), ("O", stays & object_again)):
                here = rows[chosen]
                for table in (units, lemmas, numbers):
                    table["S"][here] = table[role][here - 1]
                old[here] = True
        verb = company.draw_child(units["S"][rows], ("noun", "verb"), topic, generator)
        if place:
            scripted = generator.random(len(rows)) < SCRIPT
            verb = np.where(scripted, company.follows[units["V"][rows - 1]], verb)
        units["V"][rows] = verb
        units["O"][rows] = company.draw_child(verb, ("verb", "noun"), topic, generator)
        for role in "VO":
            lemmas[role][rows] = company.lemma(units[role][rows], generator)
    return units, lemmas, {role: value.astype(np.int64) for role, value in numbers.items()}, old
