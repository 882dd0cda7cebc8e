"""The company that words keep: which word is drawn beside which.

Every draw is by inverse cumulative distribution (or by index into a table of favourites) for a whole
array of sentences at once. A child word is a favourite of its head with probability FAVOUR and any word of
the topic otherwise. Favourites have the head's frequency rank, so that the choice leaves Zipf's law alone.
"""

import numpy as np

from course_lib.data.lexicon import CLASSES, Lemmas

FAVOUR = 0.6  # a child is one of its head's favourites
FAVOURITES = 3
TOPICAL = 0.8  # a freely drawn word is of the topic, not general
RELATIONS = (("noun", "verb"), ("verb", "noun"), ("noun", "adj"), ("verb", "adj"))
CYCLE = 4  # verbs follow each other in cycles of about this length


class Cdfs:
    """Many discrete distributions side by side, drawn from with one binary search for all rows."""

    def __init__(self, rows: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Args: rows: (values, weights) of each distribution; weights need not sum to 1."""
        self.values = np.concatenate([values for values, _ in rows])
        keys = []
        for row, (_, weights) in enumerate(rows):
            cumulative = np.cumsum(weights / weights.sum())
            cumulative[-1] = 1.0
            keys.append(row + cumulative)
        self.keys = np.concatenate(keys)
        self.probabilities = np.concatenate([weights / weights.sum() for _, weights in rows])
        self.bounds = np.concatenate([[0], np.cumsum([len(values) for values, _ in rows])])

    def draw(self, row: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """One value for each entry of `row` (n,) -> (n,)."""
        u = generator.random(len(row)) * (1 - 1e-9)
        return self.values[np.searchsorted(self.keys, row + u, side="right")]


class Company:
    """The distributions from which content words are drawn: units are synsets.

    Attributes:
        units: number of synsets U. kind, topic: (U,) class and topic. weight: (U,) Zipf weight.
        members: (U, 2) lemmas of a unit, the same twice where there is one; first_share: (U,) of the first.
        free: class name -> Cdfs over units, one row a topic.
        favourites: (head class, child class) -> (U, FAVOURITES) child units of each head.
        follows: (U,) the verb unit that tends to follow in the next sentence.
    """

    def __init__(self, lemmas: Lemmas, topics: int, generator: np.random.Generator) -> None:
        self.topics = topics
        self.units = int(lemmas.synset.max()) + 1
        order = np.argsort(lemmas.synset, kind="stable")
        first = np.searchsorted(lemmas.synset[order], np.arange(self.units))
        last = np.searchsorted(lemmas.synset[order], np.arange(self.units), side="right") - 1
        self.members = np.stack([order[first], order[last]], axis=1)
        self.kind, self.topic = lemmas.kind[self.members[:, 0]], lemmas.topic[self.members[:, 0]]
        self.weight = np.bincount(lemmas.synset, lemmas.weight, minlength=self.units)
        self.first_share = lemmas.weight[self.members[:, 0]] / self.weight
        self.first_share[self.members[:, 0] == self.members[:, 1]] = 1.0
        self.groups = {
            (name, topic): self._by_weight(kind, topic)
            for kind, name in enumerate(CLASSES)
            for topic in range(topics + 1)
        }
        self.free = {name: Cdfs([self._topic_row(name, t) for t in range(topics)]) for name in CLASSES}
        self.favourites = {pair: self._favourites(*pair, generator) for pair in RELATIONS}
        self.follows = self._cycles(generator)

    def _by_weight(self, kind: int, topic: int) -> np.ndarray:
        ids = np.flatnonzero((self.kind == kind) & (self.topic == topic))
        return ids[np.argsort(-self.weight[ids], kind="stable")]

    def _topic_row(self, name: str, topic: int) -> tuple[np.ndarray, np.ndarray]:
        """Units and weights of one topic, with the general units as a share of 1 − TOPICAL."""
        own, general = self.groups[name, topic], self.groups[name, self.topics]
        parts = [TOPICAL * self.weight[own] / self.weight[own].sum()]
        parts.append((1 - TOPICAL) * self.weight[general] / self.weight[general].sum())
        return np.concatenate([own, general]), np.concatenate(parts)

    def _favourites(self, head: str, child: str, generator: np.random.Generator) -> np.ndarray:
        table = np.zeros((self.units, FAVOURITES), np.int64)
        for topic in range(self.topics + 1):
            heads, children = self.groups[head, topic], self.groups[child, topic]
            place = (np.arange(len(heads)) + 0.5) / len(heads) * len(children)
            spread = max(1.5, 0.08 * len(children))
            drawn = place[:, None] + spread * generator.standard_normal((len(heads), FAVOURITES))
            # reflect at both ends, so that no rank is favoured by everyone
            drawn = np.abs(drawn) % (2 * len(children))
            drawn = np.minimum(drawn, 2 * len(children) - 1e-6 - drawn)
            table[heads] = children[np.clip(drawn, 0, len(children) - 1).astype(np.int64)]
        return table

    def _cycles(self, generator: np.random.Generator) -> np.ndarray:
        """Each verb's follower: verbs of one topic and like frequency form cycles of three and more."""
        follows = np.arange(self.units)
        for topic in range(self.topics + 1):
            verbs = self.groups["verb", topic]
            for part in np.array_split(verbs, max(1, len(verbs) // CYCLE)):
                ring = generator.permutation(part)
                follows[ring] = np.roll(ring, -1)
        return follows

    def draw_free(self, name: str, topic: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Units of one class for topics (n,) -> (n,)."""
        return self.free[name].draw(topic, generator)

    def draw_child(
        self, head: np.ndarray, relation: tuple[str, str], topic: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        """A child unit beside each head unit (n,), in the topic (n,) -> (n,)."""
        free = self.draw_free(relation[1], topic, generator)
        favourite = self.favourites[relation][head, generator.integers(FAVOURITES, size=len(head))]
        return np.where(generator.random(len(head)) < FAVOUR, favourite, free)

    def lemma(self, unit: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """A lemma of each unit (n,) -> (n,): synonyms are exchangeable."""
        second = generator.random(len(unit)) >= self.first_share[unit]
        return self.members[unit, second.astype(np.int64)]
