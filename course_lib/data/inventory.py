"""Numbering the words: senses, forms by falling frequency, and the entities with their names."""

from dataclasses import dataclass

import numpy as np

from course_lib.data.company import Company
from course_lib.data.frequencies import expected
from course_lib.data.function_words import FUNCTION_WORDS
from course_lib.data.lexicon import (
    CLASSES,
    ENTITY_TYPES,
    INFLECTION_NAMES,
    INFLECTIONS,
    POS_NAMES,
    Lemmas,
    Senses,
    Sizes,
    inflect,
    spell,
)
from course_lib.data.realise import Inventory
from course_lib.data.spelling import stems


@dataclass(frozen=True)
class Tables:
    """What `build` makes; see Language for the meaning of each."""

    forms: list[str]
    frequencies: np.ndarray
    senses: Senses
    sense_frequencies: np.ndarray
    entities: np.ndarray
    casts: np.ndarray
    inventory: Inventory
    topic_names: list[str]


def build(lemmas: Lemmas, company: Company, size: Sizes, generator: np.random.Generator) -> Tables:
    """Spell all words, number senses and forms, and make the entities."""
    spelled = spell(lemmas, generator)
    rows: list[tuple[str, int, int, int, int, int]] = []  # spelling, pos, topic, synset, lemma, inflection
    units, topics = company.units, company.topics
    for i, (word, pos) in enumerate(FUNCTION_WORDS.items()):
        rows.append((word, POS_NAMES.index(pos), topics, units + i, -1, 0))
    words = {row[0]: i for i, row in enumerate(rows)}
    by_inflection = {name: np.full(len(lemmas), -1) for name in INFLECTION_NAMES[1:]}
    for lemma, stem in enumerate(spelled):
        kind = CLASSES[lemmas.kind[lemma]]
        topic, synset = int(lemmas.topic[lemma]), int(lemmas.synset[lemma])
        for name, (_, _, pos) in INFLECTIONS[kind].items():
            by_inflection[name][lemma] = len(rows)
            inflection = INFLECTION_NAMES.index(name)
            rows.append((inflect(stem, kind, name), POS_NAMES.index(pos), topic, synset, lemma, inflection))
    firsts, lasts = size.firsts * len(ENTITY_TYPES), size.lasts
    name_rows = len(rows)
    taken = set(spelled)
    pool = [stem for stem in stems(len(taken) + firsts + lasts, generator) if stem not in taken]
    for i, stem in enumerate(pool[: firsts + lasts]):
        rows.append(
            (stem.capitalize(), POS_NAMES.index("NAME"), topics, units + len(FUNCTION_WORDS) + i, -1, 0)
        )
    entities, casts = _entities(size, topics, name_rows, generator)
    inventory = Inventory(words, by_inflection, entities[:, :2])
    shares = expected(company, inventory, casts, len(rows))
    return _number(rows, shares, entities, casts, inventory, spelled, lemmas, topics)


def _number(
    rows: list[tuple[str, int, int, int, int, int]],
    shares: np.ndarray,
    entities: np.ndarray,
    casts: np.ndarray,
    inventory: Inventory,
    spelled: list[str],
    lemmas: Lemmas,
    topics: int,
) -> Tables:
    spellings, form = np.unique([row[0] for row in rows], return_inverse=True)
    frequency = np.bincount(form, shares)
    order = np.argsort(-frequency, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    columns = [np.array(column) for column in list(zip(*rows, strict=True))[1:]]
    form = rank[form]
    named = entities.copy()
    named[:, :2] = form[entities[:, :2]]
    best = [
        np.flatnonzero((lemmas.kind == 0) & (lemmas.topic == t) & (lemmas.twin < 0))[0] for t in range(topics)
    ]
    return Tables(
        forms=spellings[order].tolist(),
        frequencies=frequency[order],
        senses=Senses(form, *columns),
        sense_frequencies=shares,
        entities=named,
        casts=casts,
        inventory=inventory,
        topic_names=[spelled[i] for i in best],
    )


def _entities(
    size: Sizes, topics: int, base: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Entities (E, 4): senses of first and last name, type, topic; and casts (topics, types, choices) of
    entity ids.

    A first name is used in every topic, each time with another last name; a last name is shared by several
    first names and types. So neither part alone says who is meant, nor of what type.
    """
    kinds, firsts = len(ENTITY_TYPES), size.firsts
    per_topic = max(firsts, -(-2 * size.lasts // topics))
    order = generator.permutation(size.lasts)
    rows: list[tuple[int, int, int, int]] = []
    casts = np.zeros((topics, kinds, firsts), np.int64)
    for topic in range(topics):
        local = generator.permutation(order[(topic * per_topic + np.arange(per_topic)) % size.lasts])
        for kind in range(kinds):
            chosen = generator.permutation(local[(kind * firsts + np.arange(firsts)) % per_topic])
            for first in range(firsts):
                casts[topic, kind, first] = len(rows)
                last = base + kinds * firsts + int(chosen[first])
                rows.append((base + kind * firsts + first, last, kind, topic))
    return np.array(rows, np.int64), casts
