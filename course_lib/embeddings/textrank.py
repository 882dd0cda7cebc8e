"""TextRank: the words and sentences that a document itself votes for.

Mihalcea and Tarau 2004, "TextRank: Bringing Order into Text", EMNLP, aclanthology.org/W04-3252.
Words that stand close together, or sentences that share words, are joined by edges; PageRank (Brin and
Page 1998) on that graph gives the ranking. Scores are probabilities that sum to 1; the paper's are
N times as large. Simplified: the paper keeps nouns and adjectives by a tagger; here the caller
says which words count (`keep`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse

from course_lib.embeddings.cooccurrence import context_counts, flatten, window_counts

Sentences = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Ranking:
    """Scores of N nodes, and how the iteration came there."""

    scores: NDArray[np.float64]  # (N,), sums to 1
    history: NDArray[np.float64]  # (iterations + 1, N), the scores after each iteration
    residuals: NDArray[np.float64]  # (iterations,), Σ |change| in each iteration
    converged: bool


def pagerank(
    weights: csr_matrix, *, damping: float = 0.85, tolerance: float = 1e-10, iterations: int = 500
) -> Ranking:
    """Where a walker is who follows edges by weight and jumps anywhere with chance 1 − d.

    Args:
        weights: (N, N) sparse, weights[i, j] ≥ 0 of the edge from i to j; a node without outgoing
            edges sends the walker anywhere.
        damping: d in [0, 1).
        tolerance: stop when the scores' absolute changes sum to less than this.
        iterations: most steps.
    Returns:
        The `Ranking`; `converged` is False if `iterations` ran out first.
    Raises:
        ValueError: on a matrix that is not square, empty or has negative weights, or a bad damping.
    """
    weights = _check_weights(weights)
    if not 0 <= damping < 1:
        raise ValueError(f"damping must lie in [0, 1), got {damping}")
    n = weights.shape[0]
    out = np.asarray(weights.sum(axis=1)).ravel()  # (N,)
    dangling = out == 0
    share = np.divide(1.0, out, out=np.zeros(n), where=~dangling)
    step = csr_matrix(weights.multiply(share[:, None])).T.tocsr()  # (N, N) column j sums to 1 or 0
    scores = np.full(n, 1.0 / n)
    history, residuals = [scores], []
    for _ in range(iterations):
        # p ← (1−d)/N + d·(Σ_i w_ij/Σ_k w_ik·p_i + the dangling nodes' share)   (section 2.2)
        updated = (1 - damping) / n + damping * (step @ scores + scores[dangling].sum() / n)
        residuals.append(float(np.abs(updated - scores).sum()))
        scores = updated
        history.append(scores)
        if residuals[-1] < tolerance:
            break
    converged = bool(residuals and residuals[-1] < tolerance)
    return Ranking(scores, np.array(history), np.array(residuals), converged)


def keyword_graph(
    sentences: Sentences, keep: Callable[[str], bool], *, window: int = 2, weighted: bool = False
) -> tuple[list[str], csr_matrix]:
    """Words that stand at most `window` places apart in a sentence are joined.

    Args:
        sentences: the document's tokens, sentence by sentence.
        keep: says whether a word may be a keyword; others keep their place but are no nodes.
        window: greatest distance; 1 joins direct neighbours only (the paper's N is window + 1).
        weighted: count how often two words meet; the paper's keyword graph is unweighted.
    Returns:
        The N words by first appearance, and the symmetric (N, N) matrix without loops.
    Raises:
        ValueError: if no word is kept, a sentence is a string, or the window is below 1.
    """
    _check_tokens(sentences)
    index: dict[str, int] = {}
    for sentence in sentences:
        for word in sentence:
            if keep(word):
                index.setdefault(word, len(index))
    if not index:
        raise ValueError("sentences must hold at least one word that `keep` accepts, got none")
    ids, offsets = flatten([[index.get(word, -1) for word in sentence] for sentence in sentences])
    graph = window_counts(ids, offsets, len(index), window=window)
    graph.setdiag(0)
    graph.eliminate_zeros()
    if not weighted:
        graph.data[:] = 1.0
    return list(index), graph


def keywords(
    sentences: Sentences, keep: Callable[[str], bool], *, window: int = 2, weighted: bool = False
) -> list[tuple[str, float]]:
    """Every kept word with its score, best first; equal scores keep the order of appearance."""
    words, graph = keyword_graph(sentences, keep, window=window, weighted=weighted)
    scores = pagerank(graph).scores
    order = np.argsort(-scores, kind="stable")
    return [(words[i], float(scores[i])) for i in order]


def key_phrases(sentences: Sentences, ranked: Sequence[tuple[str, float]], top: int) -> list[str]:
    """Join top words that stand side by side in the text, as the paper's last step does.

    Args:
        sentences: the document's tokens.
        ranked: words and scores, best first.
        top: how many of them may take part, at least 1 (the paper: a third of the nodes).
    Returns:
        Phrases, best first: a phrase scores the sum of its words, and a top word that only occurs
        inside longer phrases is not repeated.
    """
    if top < 1:
        raise ValueError(f"top must be at least 1, got {top}")
    score = dict(ranked[:top])
    phrases: dict[tuple[str, ...], float] = {}
    for sentence in sentences:
        run: list[str] = []
        for word in [*sentence, None]:
            if word is not None and word in score:
                run.append(word)
            elif run:
                phrases[tuple(run)] = sum(score[w] for w in dict.fromkeys(run))
                run = []
    return [" ".join(p) for p in sorted(phrases, key=lambda p: -phrases[p])]


def sentence_graph(sentences: Sentences, keep: Callable[[str], bool]) -> csr_matrix:
    """|shared words| / (log |Sᵢ| + log |Sⱼ|), section 4.1; lengths count the kept words.

    A pair of one-word sentences, whose logs sum to 0, is not joined.

    Args:
        sentences: the document's tokens, S sentences.
        keep: says which words count.
    Returns:
        Symmetric (S, S) sparse matrix without loops.
    Raises:
        ValueError: if there is no sentence, or one is a string.
    """
    if not sentences:
        raise ValueError("sentences must hold at least one sentence, got none")
    _check_tokens(sentences)
    index: dict[str, int] = {}
    kept = [[index.setdefault(w, len(index)) for w in sentence if keep(w)] for sentence in sentences]
    if not index:
        return csr_matrix((len(sentences), len(sentences)))
    has = (context_counts(*flatten(kept), len(index)) > 0).astype(np.float64)  # (V, S)
    shared = (has.T @ has).tocoo()  # (S, S)
    log_length = np.log(np.maximum([len(words) for words in kept], 1))
    norm = log_length[shared.row] + log_length[shared.col]
    joined = (shared.row != shared.col) & (norm > 0)
    data = shared.data[joined] / norm[joined]
    return csr_matrix((data, (shared.row[joined], shared.col[joined])), shape=shared.shape)


def rank_sentences(sentences: Sentences, keep: Callable[[str], bool]) -> Ranking:
    """PageRank of the sentence graph: the score of each sentence."""
    return pagerank(sentence_graph(sentences, keep))


def _check_tokens(sentences: Sentences) -> None:
    """A string is no list of words: its items would be letters."""
    for sentence in sentences:
        if isinstance(sentence, str):
            raise ValueError(f"sentences must be lists of words, got the string {sentence[:50]!r}")


def _check_weights(weights: csr_matrix) -> csr_matrix:
    """A float64 CSR matrix, or an error."""
    if not issparse(weights) or weights.shape[0] != weights.shape[1] or weights.shape[0] == 0:
        raise ValueError(f"weights must be a square sparse matrix with N ≥ 1, got {np.shape(weights)}")
    matrix = csr_matrix(weights, dtype=np.float64)
    if matrix.nnz and (matrix.data.min() < 0 or not np.isfinite(matrix.data).all()):
        raise ValueError("weights must be finite and at least 0, got a negative or non-finite weight")
    return matrix
