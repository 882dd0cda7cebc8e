"""Raw counts are dominated by frequent words, PPMI is not: measured on the generated language.

For each way to weigh the same counts: how well cosine follows the true similarity, and how much of the
result is frequency (the first singular direction, the neighbours, the share of the squared entries).
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from scipy.stats import spearmanr

from course_lib.data import probes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.embeddings import evaluate
from course_lib.embeddings.cooccurrence import context_counts, window_counts
from course_lib.embeddings.lsa import LSAConfig, transform, truncated_svd
from course_lib.embeddings.random_indexing import random_indexing
from course_lib.embeddings.vectors import WordVectors, unit_rows
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="lsa",
    statement="Vectors from raw counts are dominated by frequent words; PPMI repairs it.",
    metric="Spearman correlation of cosine with the true similarity, in -1..1",
    control="the same counts, window and decomposition without PPMI",
    smallest_effect=0.05,
    seeds=(0, 1, 2, 3, 4),
)
VOCABULARY, TOKENS, DIMENSIONS, WINDOW, STOP_WORDS, HEAD = 2000, 300_000, 100, 5, 50, 100
WEIGHTINGS = {
    "counts": LSAConfig(transform="counts"),
    "log": LSAConfig(transform="log"),
    "entropy": LSAConfig(transform="entropy"),
    "ppmi": LSAConfig(smoothing=1.0),
    "ppmi_smooth": LSAConfig(),
    "ppmi_shift": LSAConfig(shift=5.0),
}


def without_stop_words(counts: csr_matrix, frequencies: np.ndarray) -> csr_matrix:
    """Clear the columns of the most frequent contexts; every word keeps its row."""
    keep = np.ones(counts.shape[1])
    keep[np.argsort(-frequencies)[:STOP_WORDS]] = 0.0
    return csr_matrix(counts.multiply(keep[None, :]))


def frequency_figures(matrix: csr_matrix, vectors: np.ndarray, left, values, frequencies) -> dict[str, float]:
    """How much of the result is frequency."""
    head = np.zeros(len(frequencies), dtype=bool)
    head[np.argsort(-frequencies)[:HEAD]] = True
    units = unit_rows(vectors)
    cosine = units @ units.T
    np.fill_diagonal(cosine, -np.inf)
    nearest = np.argpartition(-cosine, 10, axis=1)[:, :10]
    neighbours = np.log1p(frequencies)[nearest].mean(axis=1)
    squares = matrix.multiply(matrix)
    return {
        "first_direction": float(values[0] ** 2 / squares.sum()),
        "first_is_frequency": float(abs(spearmanr(np.abs(left[:, 0]), frequencies).statistic)),
        "neighbours_are_as_frequent": float(spearmanr(neighbours, frequencies).statistic),
        "head_share": float(np.asarray(squares.sum(axis=1)).ravel()[head].sum() / squares.sum()),
    }


def measure_transforms(
    seed: int, tokens: int = TOKENS, only: Sequence[str] | None = None
) -> dict[str, dict[str, float]]:
    """All figures of one seed: a dict for each way of counting and weighing, or for those in `only`."""
    language = Language(LanguageConfig(vocab_size=VOCABULARY, seed=seed))
    corpus = language.sample(tokens, seed=seed + 1000)
    size = len(language.forms)
    frequencies = np.bincount(corpus.ids, minlength=size).astype(float)
    pairs = probes.similarity(language, 500, seed)
    questions = probes.synonyms(language, 300, seed)
    windows = {w: window_counts(corpus.ids, corpus.sentences, size, window=w) for w in (1, 2, WINDOW, 10)}
    counts = windows[WINDOW]
    stopped = without_stop_words(counts, frequencies)
    documents = context_counts(corpus.ids, corpus.sentences[corpus.documents], size)
    tasks = {name: (counts, config) for name, config in WEIGHTINGS.items()}
    tasks |= {f"{name}_stopped": (stopped, WEIGHTINGS[name]) for name in ("counts", "ppmi_smooth")}
    tasks |= {f"window_{w}": (matrix, LSAConfig()) for w, matrix in windows.items() if w != WINDOW}
    tasks["sentences"] = (context_counts(corpus.ids, corpus.sentences, size), LSAConfig())
    tasks["documents"] = (documents, LSAConfig())
    tasks["documents_entropy"] = (documents, LSAConfig(transform="entropy"))
    figures = {}
    for name, (raw, config) in tasks.items():
        if only is not None and name not in only:
            continue
        matrix = transform(raw, config)
        left, values, _ = truncated_svd(matrix, min(DIMENSIONS, *matrix.shape), seed=seed)
        vectors = left * values**config.power
        words = WordVectors(language.forms, vectors)
        figures[name] = {
            "similarity": evaluate.similarity(words, pairs),
            "synonyms": evaluate.synonyms(words, questions),
            **frequency_figures(matrix, vectors, left, values, frequencies),
        }
    for name, config in (("counts", "counts"), ("ppmi", "ppmi_smooth")):
        if only is not None and f"random_indexing_{name}" not in only:
            continue
        projected = random_indexing(transform(counts, WEIGHTINGS[config]), 500, seed=seed)
        words = WordVectors(language.forms, projected)
        figures[f"random_indexing_{name}"] = {
            "similarity": evaluate.similarity(words, pairs),
            "synonyms": evaluate.synonyms(words, questions),
        }
    return figures


def measure(seed: int, device: str, minutes: float) -> dict[str, float]:
    """The figures of one seed, flat: "ppmi.similarity" and so on."""
    figures = measure_transforms(seed)
    return {f"{name}.{key}": value for name, row in figures.items() for key, value in row.items()}


if __name__ == "__main__":
    run("counting_transforms", CLAIM, measure, __file__)
