"""Counting against predicting on the same text: quality, and the time to reach it.

LSA (PPMI and SVD), GloVe and skip-gram with negative sampling see the same tokens through the same window,
make vectors of the same width and answer the same questions. Time is processor time, which other programs
do not disturb, from token ids to vectors, with counting included and evaluation left out. GloVe's x_max was
chosen among 1, 3, 10 and 100 on seed 0 with 400,000 tokens, in its favour; the others have their defaults.
"""

import time
from collections.abc import Callable

import numpy as np
import torch

from course_lib.data import probes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.embeddings import evaluate, glove, lsa, word2vec
from course_lib.embeddings.cooccurrence import window_counts
from course_lib.embeddings.vectors import WordVectors
from course_lib.text.vocab import Vocabulary
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="glove",
    statement="On the same text GloVe reaches the quality of skip-gram with negative sampling in less time.",
    metric="log10 of (processor seconds of SGNS / of GloVe) to 95 % of SGNS's similarity score",
    control="skip-gram with negative sampling: same text, window, width and thread",
    smallest_effect=0.1,
    seeds=(0, 1, 2, 3, 4),
)
VOCABULARY, DIMENSIONS, WINDOW = 2000, 100, 10
SIZES = (150_000, 600_000, 2_400_000)
SGNS_EPOCHS = (1, 2, 4, 8)
GLOVE_EPOCHS = (1, 2, 4, 8, 16, 32)
GLOVE = glove.GloVeConfig(dimensions=DIMENSIONS, x_max=3.0, epochs=GLOVE_EPOCHS[-1])

Score = Callable[[np.ndarray], dict[str, float]]
Points = list[dict[str, float]]


def lsa_points(corpus, size: int, score: Score, seed: int) -> Points:
    """One point: counting, weighing and factoring have no epochs."""
    start = time.process_time()
    counts = window_counts(corpus.ids, corpus.sentences, size, window=WINDOW)
    counted = time.process_time()
    vectors = lsa.word_vectors(counts, lsa.LSAConfig(dimensions=DIMENSIONS), seed=seed)
    end = time.process_time()
    times = {"seconds": end - start, "factoring": end - counted, "pairs": counts.nnz}
    return [{**times, "epochs": 1, **score(vectors)}]


def glove_points(corpus, size: int, score: Score, seed: int, device: str) -> Points:
    """One point for each epoch in `GLOVE_EPOCHS`, from one training run.

    Each score is that of w or of w + w~, whichever is higher; "word_" and "sum_" tell them apart.
    """
    start = time.process_time()
    counts = window_counts(corpus.ids, corpus.sentences, size, window=WINDOW, distance_weighting=True)
    points, spent = [], 0.0
    for epoch, (state, loss) in enumerate(glove.epochs(counts, GLOVE, seed=seed, device=device), 1):
        if epoch in GLOVE_EPOCHS:
            spent += time.process_time() - start
            word, both = score(state.word.cpu().numpy()), score(state.vectors().cpu().numpy())
            sums = {f"sum_{key}": value for key, value in both.items()}
            best = {key: max(word[key], both[key]) for key in word}
            words = {f"word_{key}": value for key, value in word.items()}
            points.append({"seconds": spent, "epochs": epoch, "loss": loss, **best, **sums, **words})
            start = time.process_time()
    return points


def sgns_points(corpus, language: Language, score: Score, seed: int, device: str) -> Points:
    """One point for each number of epochs: its step size falls to the end, so each is a run of its own."""
    points = []
    for epochs in SGNS_EPOCHS:
        start = time.process_time()
        counts = np.bincount(corpus.ids, minlength=len(language.forms))
        vocabulary = Vocabulary(language.forms, counts)
        config = word2vec.Word2VecConfig(size=DIMENSIONS, window=WINDOW, epochs=epochs, seed=seed)
        model = word2vec.train((corpus.ids, corpus.sentences), vocabulary, config, device=device)
        vectors = model.input.cpu().numpy()
        points.append({"seconds": time.process_time() - start, "epochs": epochs, **score(vectors)})
    return points


def time_to(points: Points, target: float) -> float | None:
    """Seconds of the first point whose similarity is at least `target`; None if there is none."""
    reached = [point["seconds"] for point in points if point["similarity"] >= target]
    return min(reached) if reached else None


def measure_size(tokens: int, seed: int, device: str = "cpu") -> dict[str, object]:
    """All methods on one text: their points, and their times to 95 % of SGNS's best similarity."""
    torch.set_num_threads(1)
    language = Language(LanguageConfig(vocab_size=VOCABULARY, seed=seed))
    corpus = language.sample(tokens, seed=seed + 1000)
    pairs = probes.similarity(language, 500, seed)
    questions = probes.synonyms(language, 300, seed)
    analogies = probes.analogies(language, 300, seed)

    def score(matrix: np.ndarray) -> dict[str, float]:
        words = WordVectors(language.forms, matrix)
        return {
            "similarity": evaluate.similarity(words, pairs),
            "synonyms": evaluate.synonyms(words, questions),
            "analogy": evaluate.analogy(words, analogies),
        }

    size = len(language.forms)
    points = {
        "lsa": lsa_points(corpus, size, score, seed),
        "glove": glove_points(corpus, size, score, seed, device),
        "sgns": sgns_points(corpus, language, score, seed, device),
    }
    target = 0.95 * max(point["similarity"] for point in points["sgns"])
    times = {name: time_to(rows, target) for name, rows in points.items()}
    return {"tokens": len(corpus.ids), "target": target, "points": points, "time_to_target": times}


def measure(seed: int, device: str, minutes: float) -> dict[str, object]:
    """One seed: every size, and the best scores at the largest."""
    figures: dict[str, object] = {f"tokens_{tokens}": measure_size(tokens, seed, device) for tokens in SIZES}
    largest = figures[f"tokens_{SIZES[-1]}"]
    for name, points in largest["points"].items():  # type: ignore[index]
        for key in ("similarity", "synonyms", "analogy"):
            figures[f"{name}.{key}"] = max(point[key] for point in points)
    return figures


if __name__ == "__main__":
    run("counting_predicting", CLAIM, measure, __file__)
