"""Expected frequency of every sense: computed from the grammar, not counted in a sample.

Distributions of units are carried through the same steps that draw them (plot, then phrases), as matrices
(topics, units): a free draw is a fixed row, a favourite is a sparse matrix product.
"""

import numpy as np
from scipy import sparse

from course_lib.data.company import FAVOUR, FAVOURITES, RELATIONS, Company
from course_lib.data.constituents import AGAIN, PARTS, ROLES, Phrase
from course_lib.data.function_words import CHOICES
from course_lib.data.lexicon import CLASSES, ENTITY_TYPES
from course_lib.data.plot import CONTINUES, MARKED, PAST, PLURAL, SCRIPT, SENTENCES, SHORT
from course_lib.data.realise import ADJECTIVE_FORMS, Inventory, class_of


def place_weights() -> np.ndarray:
    """The share of all sentences that stand at place 0, 1, ... of their document."""
    least, most = SENTENCES
    longer = np.array([np.mean(np.arange(least, most + 1) > place) for place in range(most)])
    return longer / longer.sum()


class Expectation:
    """Adds up the expected number of tokens of each sense in one sentence."""

    def __init__(self, company: Company, inventory: Inventory, casts: np.ndarray, senses: int) -> None:
        self.company, self.inventory, self.casts = company, inventory, casts
        self.share = np.zeros(senses)
        self.free = {name: self._free(name) for name in CLASSES}
        self.steps = {pair: self._step(*pair) for pair in RELATIONS}
        self.events = self._events()
        weights = place_weights()
        self.first = weights[0]
        self.old = CONTINUES * (1 - self.first)

    def total(self) -> np.ndarray:
        """(senses,) shares that sum to 1."""
        subjects = [(phrase, self._probability("subject", phrase)) for phrase in PARTS["subject"]]
        plural = sum(p * (PLURAL if phrase.number is None else phrase.number) for phrase, p in subjects)
        for phrase, p in subjects:
            number = PLURAL if phrase.number is None else float(phrase.number)
            old = 1.0 if phrase.name == "pronoun" else self.old
            self._add_phrase(phrase, p, number, old)
        lost = self._plain("subject", "pronoun") * (1 - self.old)
        self._add_phrase(PARTS["subject"][0], lost, PLURAL, 0.0, self.free["noun"])
        for part in ("prefix", "predicate"):
            for phrase in PARTS[part]:
                self._add_phrase(phrase, self._probability(part, phrase), plural, self.old)
        self.share[self.inventory.words["."]] += 1.0
        return self.share / self.share.sum()

    def _probability(self, part: str, phrase: Phrase) -> float:
        """How often a phrase is used, after pronouns without a referent and repeated names were replaced."""
        total = sum(p.probability for p in PARTS[part])
        for full, again in AGAIN.items():
            if phrase.name in (full, again) and any(p.name == full for p in PARTS[part]):
                p = self._plain(part, full)
                weights = place_weights()
                later = float(weights @ (1 - (1 - p) ** np.arange(len(weights))))
                return p * later * SHORT if phrase.name == again else p * (1 - later * SHORT)
        if part == "prefix":
            return self._prefix(phrase.name, phrase.probability / total)
        if part == "predicate" and phrase.name in ("aside", "object"):
            twice = self._plain("subject", "aside") * self._plain("predicate", "aside")
            return phrase.probability / total + (twice if phrase.name == "object" else -twice)
        if phrase.name == "pronoun":
            return phrase.probability / total * self.old
        return phrase.probability / total

    def _plain(self, part: str, name: str) -> float:
        """The probability with which a phrase is first drawn."""
        phrases = PARTS[part]
        return next(p.probability for p in phrases if p.name == name) / sum(p.probability for p in phrases)

    def _prefix(self, name: str, p: float) -> float:
        """The probability p of a prefix in the middle of a document, corrected for its two ends."""
        if name in ("opening", "closing"):
            return MARKED * self.first
        if name == "link":
            return p * (1 - 2 * self.first)
        return p * (1 - 2 * self.first * MARKED)  # the remaining "none" has no words to count

    def _free(self, name: str) -> np.ndarray:
        table, k = self.company.free[name], self.company.topics
        out = np.zeros((k, self.company.units))
        rows = np.repeat(np.arange(k), np.diff(table.bounds))
        out[rows, table.values] = table.probabilities
        return out

    def _step(self, head: str, child: str) -> sparse.csr_matrix:
        n = self.company.units
        heads = np.flatnonzero(self.company.kind == CLASSES.index(head))
        columns = self.company.favourites[head, child][heads]
        data = np.full(columns.size, 1.0 / FAVOURITES)
        return sparse.csr_matrix((data, (np.repeat(heads, FAVOURITES), columns.reshape(-1))), shape=(n, n))

    def _child(self, head: np.ndarray, relation: tuple[str, str]) -> np.ndarray:
        return FAVOUR * (self.steps[relation].T @ head.T).T + (1 - FAVOUR) * self.free[relation[1]]

    def _events(self) -> dict[str, np.ndarray]:
        """Distributions (topics, units) of subject, verb and object, averaged over a document."""
        out = {role: np.zeros_like(self.free["noun"]) for role in "SVO"}
        before: dict[str, np.ndarray] = {}
        for weight in place_weights():
            s = self.free["noun"]
            if before:
                s = (1 - CONTINUES) * s + CONTINUES * 0.5 * (before["S"] + before["O"])
            v = self._child(s, ("noun", "verb"))
            if before:
                follower = np.zeros_like(v)
                follower[:, self.company.follows] = before["V"]
                v = (1 - SCRIPT) * v + SCRIPT * follower
            before = {"S": s, "V": v, "O": self._child(v, ("verb", "noun"))}
            for role in "SVO":
                out[role] += weight * before[role]
        return out

    def _role(self, role: str, head: str, known: dict[str, np.ndarray]) -> np.ndarray:
        if role not in known:
            name, usual, _ = ROLES[role]
            head = head or usual or ""
            if head:
                known[role] = self._child(self._role(head, "", known), (class_of(head), name))
            else:
                known[role] = self.free[name]
        return known[role]

    def _add_phrase(
        self, phrase: Phrase, p: float, plural: float, old: float, subject: np.ndarray | None = None
    ) -> None:
        known = dict(self.events)
        if subject is not None:
            known["S"] = subject
        for column in phrase.columns:
            kind, _, argument = column.partition(".")
            if kind in ("first", "last") and argument:
                entities = self.casts[:, ENTITY_TYPES.index(argument)].reshape(-1)
                names = self.inventory.names[entities, int(kind == "last")]
                np.add.at(self.share, names, p / len(names))
            elif argument:
                self._add_content(kind, argument, p, plural, old, known)
            elif column == "?time":
                self._choice("past", p * PAST)
                self._choice("present", p * (1 - PAST))
            elif column.startswith("?"):
                self._choice(column[1:], p)
            else:
                self.share[self.inventory.words[column]] += p

    def _choice(self, name: str, p: float) -> None:
        for word, q in CHOICES[name]:
            self.share[self.inventory.words[word]] += p * q

    def _add_content(
        self, kind: str, argument: str, p: float, plural: float, old: float, known: dict[str, np.ndarray]
    ) -> None:
        role, _, other = argument.partition(":")
        of_role = plural if role == "S" else PLURAL
        if kind == "det":
            old = old if role == "S" else 0.0
            for age, q in (("old", old), ("new", 1 - old)):
                self._choice(f"{age} plural", p * q * of_role)
                self._choice(f"{age} singular", p * q * (1 - of_role))
            return
        words = self.inventory.words
        if kind in ("pron", "cop"):
            forms = {"pron": (("it", "they"), ("it", "they")), "cop": (("is", "are"), ("was", "were"))}[kind]
            for (one, many), q in zip(forms, (1 - PAST, PAST), strict=True):
                self.share[words[one]] += p * q * (1 - of_role)
                self.share[words[many]] += p * q * of_role
            return
        units = self._role(role, other if kind == "noun" else "", known).mean(axis=0)
        agrees = plural if (kind == "agent" or other == "S") else PLURAL
        for inflection, q in _inflections(kind, of_role, agrees):
            self._add_units(units, inflection, p * q)

    def _add_units(self, units: np.ndarray, inflection: str, p: float) -> None:
        table, first = self.inventory.lemmas[inflection], self.company.first_share
        used = np.flatnonzero(units)
        for member, share in ((0, first), (1, 1 - first)):
            np.add.at(self.share, table[self.company.members[used, member]], p * units[used] * share[used])


def _inflections(kind: str, plural: float, agrees: float) -> list[tuple[str, float]]:
    """The inflections that a kind of column may take, with their probabilities."""
    if kind == "noun":
        return [("plural", plural), ("singular", 1 - plural)]
    if kind == "mod":
        return [("singular", 1.0)]
    if kind == "agent":
        return [("agents", agrees), ("agent", 1 - agrees)]
    if kind == "verb":
        return [("past", PAST), ("base", (1 - PAST) * agrees), ("present", (1 - PAST) * (1 - agrees))]
    return [(ADJECTIVE_FORMS[kind], 1.0)]


def expected(company: Company, inventory: Inventory, casts: np.ndarray, senses: int) -> np.ndarray:
    """Expected share (senses,) of each sense among all tokens; sums to 1."""
    return Expectation(company, inventory, casts, senses).total()
