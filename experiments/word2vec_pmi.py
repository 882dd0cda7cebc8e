"""Negative sampling factorises shifted PMI: how near do trained dot products come?"""

import numpy as np
import torch

from course_lib.data.grammar import Language, LanguageConfig
from course_lib.embeddings.cooccurrence import window_counts
from course_lib.embeddings.word2vec import Word2Vec, Word2VecConfig, train
from course_lib.text.vocab import Vocabulary
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="word2vec-pmi",
    statement="The dot products that negative sampling learns are PMI − log k",
    metric="Pearson correlation of v·u with PMI − log k over pairs seen at least 30 times",
    control="the same training on the same words in shuffled order",
    smallest_effect=0.3,
    seeds=(0, 1, 2),
)
NEGATIVES = (1, 5, 15)


def text(seed: int, tokens: int = 300_000) -> tuple[Vocabulary, tuple[np.ndarray, np.ndarray]]:
    """A small vocabulary and much text, so that pairs are seen often enough to count."""
    language = Language(LanguageConfig(vocab_size=500, seed=seed))
    corpus = language.sample(tokens, seed=seed + 100)
    counts = np.bincount(corpus.ids, minlength=len(language.forms))
    return Vocabulary(language.forms, counts), (corpus.ids, corpus.sentences)


def fit(vocabulary: Vocabulary, source: object, negative: int, seed: int, epochs: int = 4) -> Word2Vec:
    """Plain unigram noise, no subsampling and a fixed-size window of 2: the setting of the theorem."""
    config = Word2VecConfig(
        size=100, window=2, negative=negative, noise_power=1.0, subsample=0, learning_rate=0.05,
        epochs=epochs, seed=seed, shared_noise=64,
    )  # fmt: skip
    return train(source, vocabulary, config)


def shifted_pmi(
    source: tuple[np.ndarray, np.ndarray], size: int, least: float = 30
) -> tuple[np.ndarray, ...]:
    """Words, contexts and PMI of the pairs seen often; nearer neighbours count more, as in training."""
    # a reach drawn from 1..2 meets distance 1 always and distance 2 half of the time
    near = window_counts(*source, vocab_size=size, window=1)
    counts = (0.5 * (near + window_counts(*source, vocab_size=size, window=2))).tocoo()
    total = counts.sum()
    word, context = counts.tocsr().sum(1).A1, counts.tocsr().sum(0).A1
    often = counts.data >= least
    row, column, data = counts.row[often], counts.col[often], counts.data[often]
    return row, column, np.log(data * total / (word[row] * context[column]))


def agreement(model: Word2Vec, row: np.ndarray, column: np.ndarray, pmi: np.ndarray) -> dict[str, float]:
    """Correlation with PMI, and the mean of v·u − PMI, which should be −log k."""
    dot = (model.input[row] * model.output[column]).sum(1).numpy()
    return {"correlation": float(np.corrcoef(dot, pmi)[0, 1]), "shift": float((dot - pmi).mean())}


def measure(seed: int, device: str, minutes: float) -> dict:
    """Agreement for each k, and for a shuffled text."""
    torch.set_num_threads(1)
    vocabulary, source = text(seed)
    pairs = shifted_pmi(source, len(vocabulary))
    figures: dict = {"pairs": len(pairs[0]), "k": list(NEGATIVES), "correlation": [], "shift": []}
    for negative in NEGATIVES:
        found = agreement(fit(vocabulary, source, negative, seed), *pairs)
        figures["correlation"].append(found["correlation"])
        figures["shift"].append(found["shift"])
    shuffled = np.random.default_rng(seed).permutation(source[0]), source[1]
    figures["shuffled"] = agreement(fit(vocabulary, shuffled, 5, seed), *pairs)["correlation"]
    return figures


if __name__ == "__main__":
    run("word2vec_pmi", CLAIM, measure, __file__)
