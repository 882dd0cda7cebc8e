"""Which kind of transfer is it? Inductive, transductive or unsupervised, decided from what there is.

Pan & Yang 2010, "A Survey on Transfer Learning", IEEE TKDE 22(10), doi:10.1109/TKDE.2009.191, section 2; the
contest course uses the same three. A domain is where texts come from, a task is what is asked of them.
`situations` makes one of each on the generated language. Left out: the finer names of the
survey (multi-task, self-taught, ...).
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from course_lib.data.grammar import Language
from course_lib.data.probes import topics
from course_lib.data.reviews import reviews

Kind = Literal["inductive", "transductive", "unsupervised"]


@dataclass(frozen=True)
class Side:
    """What one side of a transfer has.

    Attributes:
        domain: where its texts come from.
        task: what is asked of them.
        texts: N lists of words.
        labels: of the first texts; fewer than N, or none, where labels are missing.
    """

    domain: str
    task: str
    texts: list[list[str]]
    labels: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.texts:
            raise ValueError("texts must hold at least one text, got none")
        if len(self.labels) > len(self.texts):
            raise ValueError(f"labels must be at most {len(self.texts)}, got {len(self.labels)}")


def kind_of_transfer(source: Side, target: Side) -> Kind:
    """The survey's name for a transfer from `source` to `target`.

    Raises:
        ValueError: where nothing is transferred (same domain, same task), or where the target's task is new
            and nobody has labelled any example of it.
    """
    if not source.labels and not target.labels:
        return "unsupervised"
    if source.task != target.task:
        if not target.labels:
            raise ValueError(f"target must have some labels for its own task {target.task!r}, got none")
        return "inductive"
    if source.domain == target.domain:
        raise ValueError(f"target must differ from source in domain or task, got {source.domain!r} twice")
    # The same task elsewhere: with no labels there, or few of them, the source's labels have to do.
    return "transductive" if len(target.labels) < len(source.labels) else "inductive"


@dataclass(frozen=True)
class Situation:
    """A transfer, and labelled examples of the target that nothing was trained on."""

    source: Side
    target: Side
    test: Side

    @property
    def kind(self) -> Kind:
        """Which of the three it is."""
        return kind_of_transfer(self.source, self.target)


def situations(language: Language, n: int, *, few: int = 32, seed: int = 0) -> dict[Kind, Situation]:
    """One transfer of each kind, on the texts of a generated language.

    Inductive: from running text to a sentence's topic, with few labels. Transductive: from labelled reviews
    of books to unlabelled ones of television series. Unsupervised: sentences without labels on either side,
    to be clustered.

    Args:
        language: the language.
        n: texts of each side, 1 or more; also of each test.
        few: labels that the inductive target has, 1 to n.
        seed: of the texts.
    """
    if not 1 <= few <= n:
        raise ValueError(f"few must lie in 1..{n}, got {few}")
    corpus = language.sample(20 * n, seed=seed)
    plain = Side("running text", "masked words", [corpus.sentence(row) for row in range(n)])
    asked, held = (topics(language, n, seed=2 * seed + i) for i in (0, 1))
    mixed = _side("sentences with asides", "topic", asked)
    test = _side("sentences with asides", "topic", held)
    books = _side("books", "sentiment", reviews(language, "books", n, seed=2 * seed))
    series, unseen = (
        _side("television", "sentiment", reviews(language, "television", n, 2 * seed + i)) for i in (0, 1)
    )
    return {
        "inductive": Situation(plain, Side(mixed.domain, mixed.task, mixed.texts, mixed.labels[:few]), test),
        "transductive": Situation(books, Side(series.domain, series.task, series.texts), unseen),
        "unsupervised": Situation(
            Side("running text", "clusters", plain.texts), Side(mixed.domain, "clusters", mixed.texts), test
        ),
    }


def _side(domain: str, task: str, questions: list[tuple[list[str], int]]) -> Side:
    return Side(domain, task, [words for words, _ in questions], [label for _, label in questions])


def purity(clusters: np.ndarray, labels: np.ndarray) -> float:
    """Share of examples whose label is the commonest one of their cluster, from 0 to 1.

    Args:
        clusters: (N,) integers, N at least 1.
        labels: (N,) integers of 0 or more.
    """
    if clusters.shape != labels.shape or clusters.ndim != 1 or not len(labels):
        raise ValueError(f"clusters must have the shape of labels, (N,), got {clusters.shape}")
    return sum(np.bincount(labels[clusters == c]).max() for c in np.unique(clusters)) / len(labels)
