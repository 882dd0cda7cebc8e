"""Words that were never seen: do their n-grams place them where they belong?

One inflected form in six of the generated language is cut out of the text; its stem stays in other forms.
Each missing form gets a vector from its n-grams, and its neighbours among the known words are judged twice:
does the nearest share its word family; and, among words of *other* stems only, are the ten nearest of its
topic? Spelling alone can answer the first question but not the second: so an untrained model is a control.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch

from course_lib.data import probes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.embeddings import evaluate, fasttext
from course_lib.embeddings.vectors import unit_rows
from course_lib.text.vocab import Vocabulary
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="fasttext",
    statement="A word that training never saw gets neighbours of its own topic from its character n-grams.",
    metric="share of the 10 nearest known words of other stems that have the unseen word's topic",
    control="the same n-grams with untrained rows (spelling alone)",
    smallest_effect=0.1,
    seeds=(0, 1, 2),
)
VOCABULARY, TOKENS = 2000, 500_000
CONFIG = fasttext.FastTextConfig(size=50, buckets=20_000, subsample=1e-3)
BUCKETS = (50, 500, 5000, 50_000)


@dataclasses.dataclass(frozen=True)
class Task:
    """A language, its text without the held-out words, and what is true of each form.

    Attributes:
        held_out: (n,) form ids that were cut out.
        family: (V,) lemma of each form, or -1. topic: (V,) topic id. inflection: (V,) its id, or -1.
    """

    language: Language
    ids: np.ndarray
    sentences: np.ndarray
    vocabulary: Vocabulary
    remap: np.ndarray
    held_out: np.ndarray
    family: np.ndarray
    topic: np.ndarray
    inflection: np.ndarray


def make_task(seed: int, tokens: int = TOKENS, share: float = 1 / 6) -> Task:
    """Hold out single-sense inflected forms of topic words of which another form is known."""
    language = Language(LanguageConfig(vocab_size=VOCABULARY, seed=seed))
    corpus = language.sample(tokens, seed=1)
    senses, size = language.senses, len(language.forms)
    single = np.bincount(senses.form, minlength=size)[senses.form] == 1
    family, topic = np.full(size, -1), np.full(size, language.topics)
    family[senses.form[single]] = senses.lemma[single]
    topic[senses.form[single]] = senses.topic[single]
    counts = np.bincount(corpus.ids, minlength=size)
    several = np.bincount(family[(family >= 0) & (counts > 0)], minlength=family.max() + 1) > 1
    eligible = np.flatnonzero((family >= 0) & (topic < language.topics) & (counts > 0))
    eligible = eligible[several[family[eligible]]]
    _, first = np.unique(family[eligible], return_index=True)
    inflection = np.full(size, -1)
    inflection[senses.form[single]] = senses.inflection[single]
    inflected = np.setdiff1d(eligible, eligible[first])  # one known form of each family stays
    held_out = np.random.default_rng(seed).choice(inflected, int(len(inflected) * share), replace=False)
    counts[held_out] = 0
    kept = np.flatnonzero(counts > 0)
    kept = kept[np.argsort(-counts[kept], kind="stable")]
    vocabulary = Vocabulary([language.forms[i] for i in kept], counts[kept])
    remap = vocabulary.remap(language.forms)
    return Task(
        language, corpus.ids, corpus.sentences, vocabulary, remap, held_out, family, topic, inflection
    )


def judge(task: Task, queries: np.ndarray, known: np.ndarray) -> dict[str, float]:
    """Figures of the held-out words' vectors `queries` (n, E) among the vocabulary's `known` (V, E)."""
    forms = np.array([task.language.index[word] for word in task.vocabulary.words])
    scores = unit_rows(queries) @ unit_rows(known).T  # (n, V)
    same = task.family[task.held_out][:, None] == task.family[forms]
    nearest = scores.argmax(1)
    others = np.argsort(np.where(same, np.inf, -scores), axis=1, kind="stable")[:, :10]
    agree = task.topic[task.held_out][:, None] == task.topic[forms]
    alike = task.inflection[task.held_out] == task.inflection[forms][nearest]
    return {
        "inflection": float(alike.mean()),
        "family": float(same[np.arange(len(nearest)), nearest].mean()),
        "topic": float(np.take_along_axis(agree, others, 1).mean()),
        "rank": float(np.median((scores > np.where(same, scores, -np.inf).max(1, keepdims=True)).sum(1) + 1)),
        "topic_by_chance": float((agree & ~same).sum() / (~same).sum()),
    }


def other_rows(
    model: fasttext.FastText, words: list[str], pick: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Vectors of words from other rows than those that the hash names: (n, E)."""
    bags = model.rows_of(words)
    table = model.rows.detach().numpy()
    return np.stack([table[pick(bags[i])].mean(0) for i in range(len(words))])


def conditions(task: Task, model: fasttext.FastText, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The treatment and its controls: held-out vectors and known vectors for each."""
    rng = np.random.default_rng(seed + 100)
    words = [task.language.forms[i] for i in task.held_out]
    known = model.vectors().matrix
    untrained = fasttext.FastText(task.vocabulary, model.config)
    base, size = len(task.vocabulary), model.config.buckets
    return {
        "fasttext": (model.vectors(words).matrix, known),
        "untrained": (untrained.vectors(words).matrix, untrained.vectors().matrix),
        "wrong_hash": (other_rows(model, words, lambda rows: base + (rows * 7919 + 104_729) % size), known),
        "mean": (np.tile(known.mean(0), (len(words), 1)), known),
        "random": (rng.standard_normal((len(words), known.shape[1])), known),
    }


def known_words(task: Task, model: fasttext.FastText, seed: int) -> dict[str, float]:
    """Similarity (Spearman) and analogy where all words are known; "rare" is met fewer than 100 times."""
    vectors, index, counts = model.vectors(), task.vocabulary.index, task.vocabulary.counts
    pairs = [p for p in probes.similarity(task.language, 2000, seed) if p[0] in index and p[1] in index]
    rare = [p for p in pairs if min(counts[index[p[0]]], counts[index[p[1]]]) < 100]
    questions = [q for q in probes.analogies(task.language, 600, seed) if all(word in index for word in q)]
    return {
        "similarity": evaluate.similarity(vectors, pairs),
        "similarity_rare": evaluate.similarity(vectors, rare),
        "analogy": evaluate.analogy(vectors, questions),
    }


def train(task: Task, **changes: object) -> fasttext.FastText:
    """Train on the text without the held-out words."""
    config = dataclasses.replace(CONFIG, **changes)  # type: ignore[arg-type]
    return fasttext.train((task.ids, task.sentences), task.vocabulary, config, remap=task.remap)


def measure(seed: int, device: str, minutes: float) -> dict[str, object]:
    """All figures of one seed."""
    torch.set_num_threads(1)
    task = make_task(seed)
    model = train(task, seed=seed)
    figures: dict[str, object] = {"held_out": len(task.held_out), "known": len(task.vocabulary)}
    for name, (queries, known) in conditions(task, model, seed).items():
        figures[name] = judge(task, queries, known)
    figures["known_with_ngrams"] = known_words(task, model, seed)
    figures["known_without_ngrams"] = known_words(task, train(task, seed=seed, max_n=0, buckets=1), seed)
    words = [task.language.forms[i] for i in task.held_out]
    whole = Vocabulary.from_counts(
        dict(
            zip(task.language.forms, np.bincount(task.ids, minlength=len(task.family)).tolist(), strict=True)
        )
    )
    config, remap = dataclasses.replace(CONFIG, seed=seed), whole.remap(task.language.forms)
    seen = fasttext.train((task.ids, task.sentences), whole, config, remap=remap)
    figures["seen"] = judge(task, seen.vectors(words).matrix, seen.vectors(task.vocabulary.words).matrix)
    figures["buckets"] = list(BUCKETS)
    models = [train(task, seed=seed, buckets=size) for size in BUCKETS]
    judged = [judge(task, m.vectors(words).matrix, m.vectors().matrix) for m in models]
    figures["topic_by_buckets"] = [j["topic"] for j in judged]
    figures["family_by_buckets"] = [j["family"] for j in judged]
    return figures


if __name__ == "__main__":
    run("fasttext_oov", CLAIM, measure, __file__)
