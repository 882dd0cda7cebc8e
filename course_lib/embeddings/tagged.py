"""Word vectors for word|TAG keys: the oldest remedy for words with several meanings.

Trask et al. 2015, "sense2vec", arXiv:1511.06388: tag the text, glue each word to its tag, and train
word2vec on the keys as if they were words. "plant|NOUN" and "plant|VERB" get a vector each; two senses that
share a tag still share one. The label need not be a part of speech: with the true sense as label the same
function gives the reference that no tagger can reach.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from course_lib.text.vocab import Vocabulary

SEPARATOR = "|"


class Tagged(NamedTuple):
    """A text whose words are keys.

    Attributes:
        ids: (T,) int32 key ids, by falling frequency.
        vocabulary: the keys and how often each occurs.
        words: (V,) the word id that each key was made of.
        labels: (V,) its label.
    """

    ids: np.ndarray
    vocabulary: Vocabulary
    words: np.ndarray
    labels: np.ndarray


def key(word: str, tag: str) -> str:
    """The key of a word with a tag: "plant|NOUN".

    Raises:
        ValueError: if the tag is empty or holds the separator, because the key could not be taken apart.
    """
    if not tag or SEPARATOR in tag:
        raise ValueError(f"tag must not be empty or hold {SEPARATOR!r}, got {tag!r}")
    return f"{word}{SEPARATOR}{tag}"


def split_key(joined: str) -> tuple[str, str]:
    """Word and tag of a key; the word itself may hold the separator.

    Raises:
        ValueError: if there is no tag.
    """
    word, separator, tag = joined.rpartition(SEPARATOR)
    if not separator or not tag:
        raise ValueError(f"joined must be a word, {SEPARATOR!r} and a tag, got {joined[:50]!r}")
    return word, tag


def tag_text(ids: np.ndarray, labels: np.ndarray, words: Sequence[str], names: Sequence[str]) -> Tagged:
    """Replace each word of a text by its key.

    Args:
        ids: (T,) word ids.
        labels: (T,) a label for each token: its part of speech, or its sense.
        words: the spelling of each word id.
        names: the name of each label.
    Returns:
        The text as keys. Sentence offsets stay as they were.
    Raises:
        ValueError: if the shapes differ or an id or label has no name.
    """
    ids, labels = np.asarray(ids, np.int64), np.asarray(labels, np.int64)
    if ids.ndim != 1 or ids.shape != labels.shape:
        raise ValueError(f"labels must have the shape of ids, {ids.shape}, got {labels.shape}")
    for name, numbers, known in (("ids", ids, words), ("labels", labels, names)):
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(known):
            raise ValueError(
                f"{name} must be within 0..{len(known) - 1}, got {numbers.min()}..{numbers.max()}"
            )
    pairs, place, counts = np.unique(ids * len(names) + labels, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    word, label = np.divmod(pairs[order], max(len(names), 1))
    keys = [key(words[w], names[n]) for w, n in zip(word.tolist(), label.tolist(), strict=True)]
    return Tagged(rank[place], Vocabulary(keys, counts[order]), word, label)
