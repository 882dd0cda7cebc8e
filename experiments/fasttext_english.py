"""Unseen words of real English: would the word have had the same neighbours, had it been seen?

Real text has no truth to judge by, so a word's own later vector stands in for it. One regular form in four
(-s, -ed, -ing, with its stem known) is cut out of the English of this machine's Python documentation. Its
vector from n-grams is compared with the one it gets when the same trainer sees it: how many of the ten
nearest words are the same, counted among words that do not begin with the same four letters?
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from course_lib.data import corpora
from course_lib.embeddings import fasttext
from course_lib.embeddings.vectors import unit_rows
from course_lib.text.vocab import Vocabulary
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="fasttext-english",
    statement="In real English too, "
    "n-grams give an unseen word some of the neighbours that it would have had.",
    metric="share of the 10 nearest words (of other beginnings) in common with the word's vector when seen",
    control="the same n-grams with untrained rows (spelling alone)",
    smallest_effect=0.05,
    seeds=(0, 1, 2),
)
TOKENS = 600_000
CONFIG = fasttext.FastTextConfig(size=50, buckets=50_000, subsample=1e-3, batch_tokens=512)


@lru_cache(maxsize=1)
def text() -> tuple[list[list[str]], str]:
    """Sentences without punctuation, and the digest of the text."""
    corpus = corpora.english(TOKENS)
    return corpus.sentences(punctuation=False), corpus.sha256


def hold_out(vocabulary: Vocabulary, seed: int) -> list[str]:
    """One in four of the regular forms whose stem is known."""
    forms = [
        word
        for word in vocabulary.words
        if len(word) > 5
        and any(word.endswith(end) and word[: -len(end)] in vocabulary for end in ("s", "ed", "ing"))
    ]
    return sorted(np.random.default_rng(seed).choice(forms, len(forms) // 4, replace=False).tolist())


def nearest(queries: np.ndarray, known: np.ndarray, barred: np.ndarray, n: int = 10) -> np.ndarray:
    """Ids (q, n) of the nearest known words that are not barred (q, V)."""
    scores = np.where(barred, -np.inf, unit_rows(queries) @ unit_rows(known).T)
    return np.argsort(-scores, axis=1, kind="stable")[:, :n]


def shared(a: np.ndarray, b: np.ndarray) -> float:
    """Mean share of a row's ids (q, n) that are in the same row of b."""
    return float((a[:, :, None] == b[:, None, :]).any(2).mean())


def measure(seed: int, device: str, minutes: float) -> dict[str, object]:
    """All figures of one seed."""
    torch.set_num_threads(1)
    sentences, digest = text()
    whole = Vocabulary.from_sentences(sentences, min_count=5)
    words = hold_out(whole, seed)
    gone = set(words)
    cut = [[w for w in sentence if w not in gone] for sentence in sentences]
    vocabulary = Vocabulary.from_sentences(cut, min_count=5)
    config = replace(CONFIG, seed=seed)
    model = fasttext.train(vocabulary.encode_sentences(cut), vocabulary, config, device=device)
    source = whole.encode_sentences(sentences)
    seen = fasttext.train(source, whole, config, device=device)
    again = fasttext.train(source, whole, replace(config, seed=seed + 50), device=device)
    untrained = fasttext.FastText(vocabulary, config)
    barred = np.array([w[:4] for w in words])[:, None] == np.array([w[:4] for w in vocabulary.words])
    lists = {
        name: nearest(m.vectors(words).matrix, m.vectors(vocabulary.words).matrix, barred)
        for name, m in (("fasttext", model), ("untrained", untrained), ("seen", seen), ("again", again))
    }
    size = len(vocabulary)
    return {
        "sha256": digest,
        "words": len(words),
        "known": size,
        "fasttext": shared(lists["fasttext"], lists["seen"]),
        "untrained": shared(lists["untrained"], lists["seen"]),
        "seen_twice": shared(lists["again"], lists["seen"]),
        "chance": 10 / size,
        "examples": {
            w: [vocabulary.words[i] for i in lists["fasttext"][k, :4]] for k, w in enumerate(words[:6])
        },
        "examples_seen": {
            w: [vocabulary.words[i] for i in lists["seen"][k, :4]] for k, w in enumerate(words[:6])
        },
    }


if __name__ == "__main__":
    run("fasttext_english", CLAIM, measure, __file__)
