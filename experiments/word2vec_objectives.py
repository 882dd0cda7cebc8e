"""Six combinations: two architectures with three output layers each, on questions with known answers."""

import numpy as np
import torch

from course_lib.data import probes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.embeddings import evaluate
from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.word2vec import Word2VecConfig, new_model, train
from course_lib.text.vocab import Vocabulary
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="word2vec-objectives",
    statement="Skip-gram answers more analogies with negative sampling than with hierarchical softmax",
    metric="share of 300 analogy questions answered right",
    control="skip-gram with hierarchical softmax, same text, seeds and epochs",
    smallest_effect=0.02,
    seeds=(0, 1, 2, 3, 4),
)
COMBINATIONS = [(a, o) for a in ("skipgram", "cbow") for o in ("softmax", "hierarchical", "negative")]


def score(vectors: WordVectors, language: Language, seed: int) -> dict[str, float]:
    """Similarity, analogy and synonym scores."""
    return {
        "similarity": evaluate.similarity(vectors, probes.similarity(language, 1000, seed)),
        "analogy": evaluate.analogy(vectors, probes.analogies(language, 300, seed)),
        "synonyms": evaluate.synonyms(vectors, probes.synonyms(language, 300, seed)),
    }


def measure(seed: int, device: str, minutes: float, tokens: int = 200_000) -> dict:
    """Scores of all six, of an untrained model, and of skip-gram trained on shuffled text."""
    torch.set_num_threads(1)
    language = Language(LanguageConfig(vocab_size=1000, seed=seed))
    corpus = language.sample(tokens, seed=seed + 100)
    vocabulary = Vocabulary(language.forms, np.bincount(corpus.ids, minlength=len(language.forms)))
    figures: dict = {}
    for architecture, objective in COMBINATIONS:
        config = Word2VecConfig(
            architecture=architecture, objective=objective, size=64, epochs=3, learning_rate=0.05, seed=seed
        )
        vectors = train(corpus, vocabulary, config, device=device).vectors()
        figures[f"{architecture} {objective}"] = score(vectors, language, seed)
    config = Word2VecConfig(size=64, epochs=3, learning_rate=0.05, seed=seed)
    figures["untrained"] = score(new_model(vocabulary, config).vectors(), language, seed)
    shuffled = np.random.default_rng(seed).permutation(corpus.ids), corpus.sentences
    figures["shuffled"] = score(train(shuffled, vocabulary, config, device=device).vectors(), language, seed)
    return figures


if __name__ == "__main__":
    run("word2vec_objectives", CLAIM, measure, __file__)
