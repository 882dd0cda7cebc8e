"""The generated language: text of any length whose truth is known.

A `Language` is a lexicon with Zipf frequencies and a grammar over it, both made from one seed. It writes
documents with topics, ambiguous and synonymous words, names, agreement over a distance and sentences whose
order matters, and says of every token what it is. Sentences are made by templates, a block of documents at a
time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from course_lib.data.company import Company
from course_lib.data.corpus import Corpus, join
from course_lib.data.function_words import FUNCTION_WORDS
from course_lib.data.inventory import Tables, build
from course_lib.data.lexicon import POS_NAMES, Senses, make_lemmas, sizes
from course_lib.data.plot import draw_plots
from course_lib.data.realise import realise

SMALLEST, LARGEST = 500, 100_000
BLOCK = 512  # documents drawn together; also the unit of the random streams
PART = 1_000_000  # tokens of one part of a stream, about


@dataclass(frozen=True)
class LanguageConfig:
    """What a language is made from.

    Args:
        vocab_size: number of forms, 500 to 100,000.
        seed: 0 or more; the same seed gives the same language.
        topics: an even number of topics, or None for one that suits the vocabulary (4 to 32).
    """

    vocab_size: int = 2000
    seed: int = 0
    topics: int | None = None

    def __post_init__(self) -> None:
        _check("vocab_size", self.vocab_size, SMALLEST, LARGEST)
        _check("seed", self.seed, 0, None)
        if self.topics is not None:
            _check("topics", self.topics, 2, max(4, self.vocab_size // 125))
            if self.topics % 2:
                raise ValueError(f"topics must be even (topics come in pairs), got {self.topics}")

    @property
    def number_of_topics(self) -> int:
        """Topics of the language, without "general"."""
        return self.topics or 2 * int(np.clip(self.vocab_size // 500, 2, 16))

    @classmethod
    def tiny(cls) -> "LanguageConfig":
        """The size used in tests."""
        return cls(vocab_size=500)


def _check(name: str, value: int, low: int, high: int | None) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name} must be an integer, got {value!r}")
    if value < low or (high is not None and value > high):
        wanted = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be {wanted}, got {value}")


class Language:
    """A generated language.

    Attributes:
        forms: (V,) spellings by falling expected frequency. index: spelling -> form id.
        frequencies: (V,) float64 expected share of each form in the text.
        senses: one row a sense. pos_names, topic_names: what their ids stand for (the last topic is
        "general").
        ambiguous_forms: the forms with more than one sense, most frequent first.
        entities: one row an entity: (first name's form, last name's form, type, topic).
    """

    def __init__(self, config: LanguageConfig | None = None) -> None:
        self.config = config or LanguageConfig()
        generator = np.random.default_rng([20, self.config.seed])
        topics = self.config.number_of_topics
        size = sizes(self.config.vocab_size)
        self.lemmas = make_lemmas(size, topics, generator)
        self.company = Company(self.lemmas, topics, generator)
        tables: Tables = build(self.lemmas, self.company, size, generator)
        self.forms, self.frequencies = tables.forms, tables.frequencies
        self.senses: Senses = tables.senses
        self.sense_frequencies = tables.sense_frequencies
        self.entities, self._casts, self._inventory = tables.entities, tables.casts, tables.inventory
        self.index = {form: i for i, form in enumerate(self.forms)}
        self.pos_names = list(POS_NAMES)
        self.topic_names = [*tables.topic_names, "general"]
        several = np.bincount(self.senses.form, minlength=len(self.forms)) > 1
        self.ambiguous_forms = [self.forms[i] for i in np.flatnonzero(several)]

    @property
    def topics(self) -> int:
        """Number of topics, without "general"."""
        return self.config.number_of_topics

    def senses_of(self, form: str) -> np.ndarray:
        """The sense ids of a spelling, by falling frequency."""
        if form not in self.index:
            raise ValueError(f"form must be a word of the language, got {form!r}")
        ids = np.flatnonzero(self.senses.form == self.index[form])
        return ids[np.argsort(-self.sense_frequencies[ids], kind="stable")]

    def sample(self, tokens: int, seed: int = 0) -> Corpus:
        """A corpus of the first documents that together have at least `tokens` tokens.

        Args:
            tokens: at least 1. seed: of the text, 0 or more; apart from the language's own seed.
        """
        return join(list(self._documents(tokens, seed)))

    def stream(self, tokens: int, seed: int = 0) -> Iterator[Corpus]:
        """The same text as `sample(tokens, seed)` in parts of about a million tokens."""
        _check("tokens", tokens, 1, None)
        _check("seed", seed, 0, None)
        return self._parts(tokens, seed)

    def _parts(self, tokens: int, seed: int) -> Iterator[Corpus]:
        waiting: list[Corpus] = []
        for block in self._documents(tokens, seed):
            waiting.append(block)
            if sum(map(len, waiting)) >= PART:
                yield join(waiting)
                waiting = []
        if waiting:
            yield join(waiting)

    def _documents(self, tokens: int, seed: int) -> Iterator[Corpus]:
        """Blocks of documents; the last one is cut at the document that reaches `tokens`."""
        _check("tokens", tokens, 1, None)
        _check("seed", seed, 0, None)
        made, block = 0, 0
        while made < tokens:
            part = self._block(seed, block)
            ends = made + part.sentences[part.documents[1:]]
            if ends[-1] >= tokens:
                part = part.head(int(np.searchsorted(ends, tokens)) + 1)
            yield part
            made, block = int(ends[-1]), block + 1

    def _block(self, seed: int, block: int) -> Corpus:
        generator = np.random.default_rng([21, self.config.seed, seed, block])
        plot = draw_plots(BLOCK, self.company, self._casts, generator)
        words = realise(plot, self.company, self._inventory, generator)
        first = np.searchsorted(plot.document, np.arange(BLOCK + 1))
        return Corpus(
            ids=self.senses.form[words.senses].astype(np.int32),
            senses=words.senses,
            pos=self.senses.pos[words.senses].astype(np.int8),
            clauses=words.clauses,
            roles=words.roles,
            sentences=words.sentences,
            documents=first,
            topics=plot.topic[first[:-1]],
            asides=words.asides,
            entities=words.entities,
            forms=self.forms,
        )

    def __repr__(self) -> str:
        return f"Language({self.config}, {len(FUNCTION_WORDS)} function words, {len(self.senses)} senses)"
