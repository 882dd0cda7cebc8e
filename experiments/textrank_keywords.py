"""Does TextRank find the words of a document's topic better than plain frequency does?

Long documents made of the generated language: four texts of one topic, shuffled with three of other topics.
The truth is the topic of the sense in which each word was used; the candidates are nouns and adjectives, as
in the paper. The second part asks whether the sentence graph ranks the topic's sentences above the others.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from course_lib.data.corpus import Corpus
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.embeddings import textrank
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="textrank",
    statement="TextRank's ten keywords carry the topic more often than the ten most frequent words.",
    metric="share of the first ten keywords that the document uses in a sense of its main topic",
    control="plain frequency of the same candidates",
    smallest_effect=0.02,
    seeds=(0, 1, 2, 3, 4),
)
DOCUMENTS, TOP, OWN, OTHER = 200, 10, 4, 3


@dataclass
class Mixed:
    """Texts of one topic among others: sentences, which are the topic's, candidates and true keywords."""

    sentences: list[list[str]]
    own: np.ndarray
    candidates: list[str]
    truth: set[str]


def mix(corpus: Corpus, language: Language, topic: int, generator: np.random.Generator) -> Mixed:
    """Draw `OWN` texts of the topic and `OTHER` of other topics, and shuffle them."""
    same = generator.choice(np.flatnonzero(corpus.topics == topic), OWN, replace=False)
    others = generator.choice(np.flatnonzero(corpus.topics != topic), OTHER, replace=False)
    wanted = [language.pos_names.index(name) for name in ("NOUN", "ADJ")]
    mixed = Mixed([], np.zeros(0, bool), [], set())
    own = []
    for d in generator.permutation([*same, *others]):
        for s in range(corpus.documents[d], corpus.documents[d + 1]):
            span = slice(corpus.sentences[s], corpus.sentences[s + 1])
            words = corpus.sentence(s)
            mixed.sentences.append(words)
            own.append(corpus.topics[d] == topic)
            candidate = np.isin(corpus.pos[span], wanted)
            about = np.asarray(language.senses.topic)[corpus.senses[span]] == topic
            mixed.candidates += [w for w, yes in zip(words, candidate, strict=True) if yes]
            mixed.truth |= {w for w, yes in zip(words, candidate & about, strict=True) if yes}
    mixed.own = np.array(own)
    return mixed


def measure_documents(seed: int, documents: int = DOCUMENTS) -> dict[str, float]:
    """Mean over documents: each ranking's share of topic words, and the areas for the sentences."""
    language = Language(LanguageConfig(vocab_size=2000, seed=seed))
    corpus = language.sample(200_000, seed=seed + 1000)
    generator = np.random.default_rng(seed)
    kept: dict[str, list[float]] = {}
    for topic in generator.integers(0, len(language.topic_names) - 1, documents):
        mixed = mix(corpus, language, topic, generator)
        for name, ranking in rank_words(mixed, generator).items():
            share = np.mean([word in mixed.truth for word in ranking[:TOP]])
            kept.setdefault(name, []).append(float(share))
        for name, scores in score_sentences(mixed).items():
            kept.setdefault(name, []).append(area(scores, mixed.own))
    return {name: float(np.mean(values)) for name, values in kept.items()}


def rank_words(mixed: Mixed, generator: np.random.Generator) -> dict[str, list[str]]:
    """The candidates in the order of each method, best first."""
    counts = Counter(mixed.candidates)

    def keywords(**options) -> list[str]:
        return [w for w, _ in textrank.keywords(mixed.sentences, counts.__contains__, **options)]

    return {
        "textrank": keywords(),
        "weighted": keywords(weighted=True),
        "wide": keywords(window=9),
        "wide_weighted": keywords(window=9, weighted=True),
        "frequency": [w for w, _ in counts.most_common()],
        "appearance": list(counts),
        "chance": generator.permutation(sorted(counts)).tolist(),
    }


def score_sentences(mixed: Mixed) -> dict[str, np.ndarray]:
    """A score for each sentence by each method."""
    counts = Counter(mixed.candidates)
    everything = textrank.rank_sentences(mixed.sentences, lambda word: True)
    lengths = [len(sentence) for sentence in mixed.sentences]
    frequent = [np.mean([counts[w] for w in s if w in counts] or [0]) for s in mixed.sentences]
    return {
        "sentence_textrank": textrank.rank_sentences(mixed.sentences, counts.__contains__).scores,
        "sentence_unfiltered": everything.scores,
        "sentence_length": np.array(lengths),
        "sentence_frequency": np.array(frequent),
    }


def area(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: the share of (positive, negative) pairs in order; ties count half."""
    ranks = rankdata(scores)
    n, m = positive.sum(), (~positive).sum()
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


def measure(seed: int, device: str, minutes: float) -> dict[str, float]:
    """The figures of one seed."""
    return measure_documents(seed)


if __name__ == "__main__":
    run("textrank_keywords", CLAIM, measure, __file__)
