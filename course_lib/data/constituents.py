"""The phrases of the generated language: what may stand as prefix, subject and predicate.

A column is `kind.ROLE`, or a word. Roles are drawn once a sentence, when a column first needs them:
S subject, V its verb, O object; P, R, W further nouns; A agent ("one who does"); M noun modifier;
X, Y nouns and Z verb of an aside, which belongs to another topic than the sentence.
"""

from dataclasses import dataclass

# the part a token plays; "word" is anything else, E a part of a name
ROLE_NAMES = ("word", "S", "V", "O", "P", "R", "Q", "A", "W", "M", "X", "Y", "Z", "B", "J", "K", "D", "E")
# role -> (class, head role or None, topic: own or aside)
ROLES: dict[str, tuple[str, str | None, str]] = {
    "P": ("noun", None, "own"),  # noun after a preposition, beside the subject
    "W": ("noun", None, "own"),  # noun after a preposition or "than", in the predicate
    "R": ("noun", None, "own"),  # subject of a relative clause
    "Q": ("verb", "R", "own"),  # its verb
    "B": ("verb", "S", "own"),  # verb of a relative clause about the subject
    "A": ("verb", None, "own"),  # the verb from which an agent noun is made
    "M": ("noun", None, "own"),  # noun that modifies a noun
    "X": ("noun", None, "aside"),
    "Z": ("verb", "X", "aside"),
    "Y": ("noun", "Z", "aside"),
    "J": ("adj", "S", "own"),
    "K": ("adj", "O", "own"),
    "D": ("adj", "V", "own"),  # the adverb made from it
}


@dataclass(frozen=True)
class Phrase:
    """One way to fill a part of the sentence.

    Attributes:
        name: for readers. probability: among the phrases of its part. columns: see the module's text.
        number: what it forces the subject's number to: 0 singular, 1 plural, None free.
    """

    name: str
    probability: float
    columns: tuple[str, ...]
    number: int | None = None

    @property
    def aside(self) -> bool:
        """Whether the phrase contains an aside."""
        return "?compare" in self.columns

    @property
    def clauses(self) -> list[int]:
        """For each column, 1 within the aside and 0 elsewhere."""
        if not self.aside:
            return [0] * len(self.columns)
        first, last = self.columns.index("?compare"), self.columns.index("noun.Y")
        return [int(first <= i <= last) for i in range(len(self.columns))]


def _phrase(name: str, probability: float, columns: str, number: int | None = None) -> Phrase:
    return Phrase(name, probability, tuple(columns.split()), number)


ASIDE = "?compare det.X noun.X that verb.Z:X det.Y noun.Y"
PREFIXES = (
    _phrase("none", 0.75, ""),
    _phrase("link", 0.15, "?link"),
    _phrase("time", 0.10, "?time ,"),
    _phrase("opening", 0.0, "?opening"),  # of a document's first sentence
    _phrase("closing", 0.0, "?closing"),  # of its last
)
SUBJECTS = (
    _phrase("plain", 0.19, "det.S noun.S"),
    _phrase("adjective", 0.12, "det.S adj.J noun.S"),
    _phrase("compound", 0.08, "det.S mod.M noun.S"),
    _phrase("preposition", 0.09, "det.S noun.S ?prep det.P noun.P"),
    _phrase("relative object", 0.05, "det.S noun.S that det.R noun.R verb.Q:R"),
    _phrase("relative subject", 0.05, "det.S noun.S who verb.B:S det.P noun.P"),
    _phrase("aside", 0.09, f"det.S noun.S , {ASIDE} ,"),
    _phrase("agent", 0.10, "det.S agent.A of det.P:A noun.P:A"),
    _phrase("and", 0.04, "det.S noun.S and det.P noun.P", number=1),
    _phrase("person", 0.08, "first.PERSON last.PERSON", number=0),
    _phrase("organisation", 0.06, "first.ORGANISATION last.ORGANISATION", number=0),
    _phrase("pronoun", 0.05, "pron.S"),
    _phrase("person again", 0.0, "last.PERSON", number=0),  # a short later mention
    _phrase("organisation again", 0.0, "last.ORGANISATION", number=0),
)
PREDICATES = (
    _phrase("object", 0.19, "verb.V:S det.O noun.O"),
    _phrase("adjective", 0.10, "verb.V:S det.O adj.K noun.O"),
    _phrase("preposition", 0.08, "verb.V:S det.O noun.O ?prep det.W noun.W"),
    _phrase("place", 0.12, "verb.V:S det.O noun.O in first.PLACE last.PLACE"),
    _phrase("manner", 0.10, "manner.D verb.V:S det.O noun.O"),
    _phrase("time", 0.10, "verb.V:S det.O noun.O ?time"),
    _phrase("aside", 0.08, f"verb.V:S det.O noun.O , {ASIDE}"),
    _phrase("is", 0.09, "cop.S ?degree adj.J"),
    _phrase("more", 0.07, "cop.S ?more more.J than det.W noun.W"),
    _phrase("not", 0.07, "cop.S ?less not.J"),
    _phrase("place again", 0.0, "verb.V:S det.O noun.O in last.PLACE"),
)
AGAIN = {"person": "person again", "organisation": "organisation again", "place": "place again"}
PARTS = {"prefix": PREFIXES, "subject": SUBJECTS, "predicate": PREDICATES}
