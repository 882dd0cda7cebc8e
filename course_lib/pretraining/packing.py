"""How sentences become inputs: the four packings that RoBERTa compares.

Liu et al. 2019, arXiv:1907.11692, section 4.2. SEGMENT-PAIR is BERT's own (arXiv:1810.04805, appendix A.2):
two runs of sentences with the question whether B follows A. SENTENCE-PAIR asks it of single sentences.
FULL-SENTENCES fills the input with whole sentences and goes on across documents; DOC-SENTENCES stops at a
document's end. The last two ask nothing.
Different from Google's code: a shorter target is drawn for each pair, not once for a document, and texts
that are too long lose tokens at their end, never at their beginning.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal

import numpy as np

from course_lib.pretraining.examples import Example, Special, pair, single
from course_lib.text.truncate import truncate_pair

Document = Sequence[Sequence[int]]
Packing = Literal["segment-pair", "sentence-pair", "full-sentences", "doc-sentences"]
FOLLOWS, STRANGER = 0, 1
"""Labels of a pair, numbered as in BERT's code and transformers."""


def pack(
    documents: Sequence[Document],
    length: int,
    packing: Packing,
    special: Special,
    *,
    seed: int = 0,
    short_share: float = 0.1,
) -> list[Example]:
    """All examples of a corpus, once through.

    Args:
        documents: each a list of sentences, each a list of ids.
        length: most tokens of an example, special ones included; 5 or more. A longer sentence goes on in the
            next example (full and doc-sentences) or is cut (pairs).
        packing: one of the four.
        special: ids of [CLS] and [SEP].
        seed: of the random choices of the pairs.
        short_share: of "segment-pair", the share of examples with a shorter target length, as in BERT.
    Raises:
        ValueError: for another name, a length below 5, or, for pairs, fewer than two documents.
    """
    if packing not in ("segment-pair", "sentence-pair", "full-sentences", "doc-sentences"):
        raise ValueError(f"packing must be one of the four names of `Packing`, got {packing!r}")
    if length < 5:
        raise ValueError(f"length must be 5 or more, got {length}")
    texts = [[list(s) for s in document if len(s)] for document in documents]
    texts = [document for document in texts if document]
    if packing in ("full-sentences", "doc-sentences"):
        return list(_full(texts, length, special, crossing=packing == "full-sentences"))
    if len(texts) < 2:
        raise ValueError(f"documents must be two or more for pairs, got {len(texts)}")
    random = np.random.default_rng(seed)
    if packing == "sentence-pair":
        return [e for i in range(len(texts)) for e in _sentence_pairs(texts, i, length, special, random)]
    return [
        e for i in range(len(texts)) for e in _segment_pairs(texts, i, length, special, random, short_share)
    ]


def _full(
    texts: list[list[list[int]]], length: int, special: Special, *, crossing: bool
) -> Iterator[Example]:
    """Whole sentences until the input is full; between documents one more [SEP]."""
    room, sep = length - 2, special.sep_id
    held: list[int] = []
    for document in texts:
        for part in (s[at : at + room] for s in document for at in range(0, len(s), room)):
            if len(held) + len(part) > room:
                yield single(held[:-1] if held[-1] == sep else held, special)
                held = []
            held = held + part
        if held and not crossing:
            yield single(held, special)
            held = []
        elif len(held) < room:
            held = [*held, sep]
    if held and crossing:
        yield single(held[:-1] if held[-1] == sep else held, special)


def _sentence_pairs(
    texts: list[list[list[int]]], which: int, length: int, special: Special, random: np.random.Generator
) -> Iterator[Example]:
    """Neighbours, or a sentence and a stranger, with equal chances."""
    document = texts[which]
    i = 0
    while i < len(document):
        follows = i + 1 < len(document) and random.random() < 0.5
        if follows:
            second = document[i + 1]
        else:
            other = texts[_other(which, len(texts), random)]
            second = other[random.integers(len(other))]
        a, b = truncate_pair(document[i], second, length - 3)
        yield pair(a, b, special, label=FOLLOWS if follows else STRANGER)
        i += 2 if follows else 1


def _segment_pairs(
    texts: list[list[list[int]]],
    which: int,
    length: int,
    special: Special,
    random: np.random.Generator,
    short_share: float,
) -> Iterator[Example]:
    """Sentences are gathered up to the length, and split into A and the B that follows it, or a stranger.

    With a stranger the unused rest goes back, so that no sentence is lost.
    """
    document, i = texts[which], 0
    while i < len(document):
        room = length - 3
        target = int(random.integers(2, room + 1)) if random.random() < short_share else room
        end, gathered = i, 0
        while end < len(document) and gathered < target:
            gathered += len(document[end])
            end += 1
        split = i + (int(random.integers(1, end - i)) if end - i > 1 else 1)
        follows = end - split > 0 and random.random() < 0.5
        first = [token for sentence in document[i:split] for token in sentence]
        if follows:
            second = [token for sentence in document[split:end] for token in sentence]
            i = end
        else:
            second = _stranger(texts[_other(which, len(texts), random)], target - len(first), random)
            i = split
        a, b = truncate_pair(first, second, room)
        yield pair(a, b, special, label=FOLLOWS if follows else STRANGER)


def _stranger(document: list[list[int]], size: int, random: np.random.Generator) -> list[int]:
    """Sentences of another document from a random one on, until they fill the size."""
    out: list[int] = []
    for sentence in document[int(random.integers(len(document))) :]:
        out += sentence
        if len(out) >= size:
            break
    return out


def _other(which: int, count: int, random: np.random.Generator) -> int:
    """A document that is not this one."""
    return int((which + random.integers(1, count)) % count)


class TokenBatches:
    """Data for `training.fit`: batches of about as many tokens each, whatever the examples' lengths.

    Short examples, as sentence pairs and the ends of documents are, come more to a batch (section 4.2).

    Args:
        examples: N of them.
        tokens: of a batch, special ones included and padding not; no batch has more, except one that is a
            single longer example.
        collate: makes a batch of a list of examples.
        seed: of the shuffling.
    Raises:
        ValueError: for no examples or fewer than one token.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        tokens: int,
        collate: Callable[[list[Example]], Any],
        *,
        seed: int,
    ) -> None:
        if len(examples) == 0:
            raise ValueError("examples must hold at least one example, got none")
        if tokens < 1:
            raise ValueError(f"tokens must be 1 or more, got {tokens}")
        self.examples, self.tokens, self.collate, self.seed = examples, tokens, collate, seed
        self.lengths = [len(example) for example in examples]

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Batches of the numbered epoch, without the first `start`."""
        order = np.random.default_rng([self.seed, number]).permutation(len(self.examples)).tolist()
        for rows in islice(self._groups(order), start, None):
            yield self.collate([self.examples[i] for i in rows])

    def _groups(self, order: list[int]) -> Iterator[list[int]]:
        rows: list[int] = []
        held = 0
        for i in order:
            if rows and held + self.lengths[i] > self.tokens:
                yield rows
                rows, held = [], 0
            rows, held = [*rows, i], held + self.lengths[i]
        yield rows
