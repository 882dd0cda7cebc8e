"""From plots to words: fill the phrases of many sentences at once.

All sentences that use one phrase are filled together, a column at a time: a column is one NumPy expression
over some thousand sentences, so there is no loop over tokens or sentences.
"""

from dataclasses import dataclass

import numpy as np

from course_lib.data.company import Company
from course_lib.data.constituents import PARTS, ROLE_NAMES, ROLES, Phrase
from course_lib.data.function_words import CHOICES
from course_lib.data.lexicon import ENTITY_TYPES
from course_lib.data.plot import PLURAL, Plot

ADJECTIVE_FORMS = {"adj": "plain", "more": "more", "not": "not", "manner": "manner"}


@dataclass(frozen=True)
class Inventory:
    """Where the sense of a word is found.

    Attributes:
        words: function word -> sense. lemmas: inflection -> (lemmas,) sense of a lemma, or -1.
        names: (entities, 2) senses of the two parts of an entity's name.
    """

    words: dict[str, int]
    lemmas: dict[str, np.ndarray]
    names: np.ndarray


class Filler:
    """Fills phrases for a block of sentences; roles drawn for one phrase are remembered for the next."""

    def __init__(
        self, plot: Plot, company: Company, inventory: Inventory, generator: np.random.Generator
    ) -> None:
        self.plot, self.company, self.inventory, self.generator = plot, company, inventory, generator
        self.choices = {
            name: (np.array([inventory.words[w] for w, _ in pairs]), np.cumsum([p for _, p in pairs]))
            for name, pairs in CHOICES.items()
        }

    def fill(self, phrase: Phrase, rows: np.ndarray) -> tuple[np.ndarray, list[int], list[int]]:
        """Sense ids (n, columns) of a phrase in the sentences `rows` (n,); each column's clause and role."""
        drawn: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        for role in "SVO":
            number = self.plot.numbers.get(role, self.plot.past)[rows]
            drawn[role] = (self.plot.units[role][rows], self.plot.lemmas[role][rows], number)
        out = np.zeros((len(rows), len(phrase.columns)), np.int32)
        roles = []
        for i, column in enumerate(phrase.columns):
            kind, _, argument = column.partition(".")
            if argument and kind in ("first", "last"):
                out[:, i] = self._name(kind, argument, rows)
                roles.append(ROLE_NAMES.index("E"))
            elif argument:
                out[:, i] = self._content(kind, argument, rows, drawn)
                roles.append(0 if kind in ("det", "cop", "pron") else ROLE_NAMES.index(argument[0]))
            else:
                out[:, i] = self._word(column, rows)
                roles.append(0)
        return out, phrase.clauses, roles

    def _name(self, kind: str, entity_type: str, rows: np.ndarray) -> np.ndarray:
        entity = self.plot.cast[rows, ENTITY_TYPES.index(entity_type)]
        return self.inventory.names[entity, int(kind == "last")]

    def _word(self, column: str, rows: np.ndarray) -> np.ndarray:
        if not column.startswith("?"):
            return np.full(len(rows), self.inventory.words[column])
        if column == "?time":
            return np.where(
                self.plot.past[rows], self._choice("past", len(rows)), self._choice("present", len(rows))
            )
        return self._choice(column[1:], len(rows))

    def _choice(self, name: str, n: int) -> np.ndarray:
        senses, cumulative = self.choices[name]
        return senses[np.searchsorted(cumulative, self.generator.random(n) * (1 - 1e-9), side="right")]

    def _content(
        self,
        kind: str,
        argument: str,
        rows: np.ndarray,
        drawn: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    ) -> np.ndarray:
        role, _, other = argument.partition(":")
        self._draw_role(role, other if kind in ("noun", "det") else "", rows, drawn)
        lemma, number = drawn[role][1], drawn[role][2]
        table = self.inventory.lemmas
        if kind == "det":
            return self._determiner(role, number, rows)
        if kind == "noun":
            return np.where(number == 1, table["plural"][lemma], table["singular"][lemma])
        if kind == "mod":
            return table["singular"][lemma]
        if kind == "agent":
            plural = drawn["S"][2]
            return np.where(plural == 1, table["agents"][lemma], table["agent"][lemma])
        if kind == "verb":
            present = np.where(drawn[other][2] == 1, table["base"][lemma], table["present"][lemma])
            return np.where(self.plot.past[rows], table["past"][lemma], present)
        if kind in ADJECTIVE_FORMS:
            return table[ADJECTIVE_FORMS[kind]][lemma]
        words = self.inventory.words
        if kind == "pron":
            return np.where(number == 1, words["they"], words["it"])
        past = self.plot.past[rows]
        plural_form = np.where(past, words["were"], words["are"])
        return np.where(number == 1, plural_form, np.where(past, words["was"], words["is"]))

    def _draw_role(
        self,
        role: str,
        head: str,
        rows: np.ndarray,
        drawn: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    ) -> None:
        """Draw unit, lemma and number of a role for these sentences, its head first, if not yet drawn."""
        if role in drawn:
            return
        name, usual_head, where = ROLES[role]
        head = head or usual_head or ""
        topic = (self.plot.topic if where == "own" else self.plot.other)[rows]
        if head:
            self._draw_role(head, "", rows, drawn)
            unit = self.company.draw_child(drawn[head][0], (class_of(head), name), topic, self.generator)
        else:
            unit = self.company.draw_free(name, topic, self.generator)
        number = (self.generator.random(len(rows)) < PLURAL).astype(np.int64)
        drawn[role] = (unit, self.company.lemma(unit, self.generator), number)

    def _determiner(self, role: str, number: np.ndarray, rows: np.ndarray) -> np.ndarray:
        n = len(rows)
        plural = self._choice("new plural", n)
        singular = self._choice("new singular", n)
        if role == "S":
            old = self.plot.old[rows]
            plural = np.where(old, self._choice("old plural", n), plural)
            singular = np.where(old, self._choice("old singular", n), singular)
        return np.where(number == 1, plural, singular)


def class_of(role: str) -> str:
    """The class of content word that a role draws."""
    return {"S": "noun", "O": "noun", "V": "verb"}.get(role) or ROLES[role][0]


@dataclass(frozen=True)
class Realised:
    """The words of a block: senses, clauses, roles (T,); sentence offsets (n+1,); (mentions, 4) entities."""

    senses: np.ndarray
    clauses: np.ndarray
    roles: np.ndarray
    sentences: np.ndarray
    entities: np.ndarray
    asides: np.ndarray


def realise(plot: Plot, company: Company, inventory: Inventory, generator: np.random.Generator) -> Realised:
    """Put a block of plots into words."""
    n = len(plot.topic)
    chosen = {part: getattr(plot, part) for part in PARTS}
    widths = {part: np.array([len(p.columns) for p in PARTS[part]])[chosen[part]] for part in PARTS}
    begin = {"prefix": np.zeros(n, np.int64)}
    begin["subject"] = widths["prefix"]
    begin["predicate"] = begin["subject"] + widths["subject"]
    end = begin["predicate"] + widths["predicate"]
    sentences = np.concatenate([[0], np.cumsum(end + 1)])
    senses = np.full(sentences[-1], inventory.words["."], np.int32)
    clauses, roles = np.zeros(len(senses), np.int8), np.zeros(len(senses), np.int8)
    filler = Filler(plot, company, inventory, generator)
    mentions = [np.zeros((0, 4), np.int64)]
    asides = np.full(n, -1)
    for part, phrases in PARTS.items():
        for index, phrase in enumerate(phrases):
            rows = np.flatnonzero(chosen[part] == index)
            if not len(rows) or not phrase.columns:
                continue
            start = sentences[rows] + begin[part][rows]
            places = start[:, None] + np.arange(len(phrase.columns))
            senses[places], clauses[places], roles[places] = filler.fill(phrase, rows)
            mentions.append(_mentions(phrase, start, plot.cast[rows]))
            if phrase.aside:
                asides[rows] = plot.other[rows]
    entities = np.concatenate(mentions)
    return Realised(senses, clauses, roles, sentences, entities[np.argsort(entities[:, 0])], asides)


def _mentions(phrase: Phrase, start: np.ndarray, cast: np.ndarray) -> np.ndarray:
    """The entity mentions (n or 0, 4) that a phrase makes: first token, one past the last, type, entity."""
    for kind, entity_type in enumerate(ENTITY_TYPES):
        where = [i for i, column in enumerate(phrase.columns) if column.endswith(f".{entity_type}")]
        if where:
            types = np.full(len(start), kind)
            return np.stack([start + where[0], start + where[-1] + 1, types, cast[:, kind]], axis=1)
    return np.zeros((0, 4), np.int64)
