"""What is inside the one vector of an ambiguous word, and how much does a part-of-speech tag undo?

The generated language knows the sense of every token. One run trains on three copies of a text: as it is,
with every ambiguous word replaced by the key word|sense, and with every ambiguous word replaced by word|TAG.
All other words are shared, so the three kinds of vector lie in one space and were learnt from the same
contexts. Then, with no further training:
- is the static vector a mixture a·v1 + b·v2 of its senses' vectors, and do a and b follow the frequencies?
- which sense does each vector stand for, by the nearest centroid of the unambiguous words that have the
  sense's topic and part of speech?
"""

from dataclasses import replace

import numpy as np
import torch

from course_lib.data import probes
from course_lib.data.corpus import Corpus
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.embeddings import word2vec
from course_lib.embeddings.tagged import key, tag_text
from course_lib.embeddings.vectors import WordVectors, unit_rows
from course_lib.text.vocab import Vocabulary
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="pos-tagged",
    statement="Part-of-speech tags tell apart the senses that differ in their tag.",
    metric="accuracy of the sense of an ambiguous word whose senses have different parts of speech",
    control="the same text without tags: one vector a word",
    smallest_effect=0.1,
    seeds=(0, 1, 2),
)
VOCABULARY, TOKENS = 2000, 1_000_000
CONFIG = word2vec.Word2VecConfig(size=50, epochs=3)
QUESTIONS = 1000


def three_copies(language: Language, corpus: Corpus) -> tuple[tuple[np.ndarray, np.ndarray], Vocabulary]:
    """The text as it is, with senses, with tags; unambiguous words are the same in all three."""
    several = np.bincount(language.senses.form, minlength=len(language.forms)) > 1
    ambiguous = several[corpus.ids]
    sense_names = [f"sense{i}" for i in range(len(language.senses))]
    by_sense = tag_text(corpus.ids, corpus.senses, language.forms, sense_names)
    by_tag = tag_text(corpus.ids, corpus.pos, language.forms, language.pos_names)
    forms, senses, tags = len(language.forms), len(by_sense.vocabulary), len(by_tag.vocabulary)
    copies = [
        corpus.ids.astype(np.int64),
        np.where(ambiguous, forms + by_sense.ids, corpus.ids),
        np.where(ambiguous, forms + senses + by_tag.ids, corpus.ids),
    ]
    ids = np.concatenate(copies)
    names = [*language.forms, *by_sense.vocabulary.words, *by_tag.vocabulary.words]
    counts = np.bincount(ids, minlength=forms + senses + tags)
    used = np.flatnonzero(counts)
    used = used[np.argsort(-counts[used], kind="stable")]
    place = np.zeros(len(names), np.int64)
    place[used] = np.arange(len(used))
    shifts = [corpus.sentences[(copy > 0) :] + copy * len(corpus) for copy in range(3)]
    return (place[ids], np.concatenate(shifts)), Vocabulary([names[i] for i in used], counts[used])


def train(language: Language, tokens: int, seed: int) -> tuple[WordVectors, Corpus]:
    """Vectors of words, word|sense keys and word|TAG keys in one space."""
    corpus = language.sample(tokens, seed=1)
    source, vocabulary = three_copies(language, corpus)
    model = word2vec.train(source, vocabulary, replace(CONFIG, seed=seed))
    return model.vectors(), corpus


def mixtures(language: Language, vectors: WordVectors, corpus: Corpus, seed: int) -> dict[str, object]:
    """Fit v = a·v1 + b·v2 for each word with two frequent senses; the control has another word's senses."""
    counts = np.bincount(corpus.senses, minlength=len(language.senses))
    words = []
    for form in language.ambiguous_forms:
        ids = language.senses_of(form)
        if len(ids) == 2 and counts[ids].min() >= 30:
            words.append((form, ids))
    static = np.stack([vectors.vector(form) for form, _ in words])  # (n, E)
    pair = np.stack(
        [[vectors.vector(key(form, f"sense{i}")) for i in ids] for form, ids in words]
    )  # (n, 2, E)
    share = np.stack([counts[ids] / counts[ids].sum() for _, ids in words])  # (n, 2)
    weights, explained = fit(static, pair)
    turn = np.roll(np.random.default_rng(seed).permutation(len(words)), 1)
    stranger = np.empty_like(turn)
    stranger[np.roll(turn, 1)] = turn
    _, by_strangers = fit(static, pair[stranger])

    def cosine(mix: np.ndarray) -> float:
        return float((unit_rows(static) * unit_rows(mix)).sum(1).mean())

    part = weights[:, 0] / weights.sum(1)
    slope = np.polyfit(share[:, 0], part, 1)[0]
    return {
        "words": len(words),
        "explained": float(np.median(explained)),
        "explained_by_strangers": float(np.median(by_strangers)),
        "cosine_frequency_mixture": cosine((share[:, :, None] * pair).sum(1)),
        "cosine_equal_mixture": cosine(pair.mean(1)),
        "cosine_frequent_sense": cosine(pair[np.arange(len(words)), share.argmax(1)]),
        "cosine_rare_sense": cosine(pair[np.arange(len(words)), share.argmin(1)]),
        "cosine_between_senses": float((unit_rows(pair[:, 0]) * unit_rows(pair[:, 1])).sum(1).mean()),
        "share_of_first": share[:, 0],
        "weight_of_first": part,
        "weight_slope": float(slope),
        "weight_correlation": float(np.corrcoef(share[:, 0], part)[0, 1]),
        "forms": [form for form, _ in words],
    }


def fit(static: np.ndarray, pair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares v ≈ a·v1 + b·v2: weights (n, 2) and the share of |v|² explained (n,)."""
    solved = [np.linalg.lstsq(p.T, v, rcond=None)[0] for v, p in zip(static, pair, strict=True)]
    weights = np.stack(solved)
    rest = static - (weights[:, :, None] * pair).sum(1)
    return weights, 1 - (rest**2).sum(1) / (static**2).sum(1)


def centroids(language: Language, vectors: WordVectors) -> np.ndarray:
    """For each sense, the mean unit vector of unambiguous words of its topic and part of speech, (n, E)."""
    s = language.senses
    single = np.bincount(s.form, minlength=len(language.forms))[s.form] == 1
    rows = [i for i in np.flatnonzero(single) if language.forms[s.form[i]] in vectors]
    units = np.stack([vectors.unit[vectors.index[language.forms[s.form[i]]]] for i in rows])
    groups = s.topic * len(language.pos_names) + s.pos
    out = np.zeros((len(s), units.shape[1]), np.float32)
    for group in np.unique(groups):
        members = groups[rows] == group
        if members.any():
            out[groups == group] = units[members].mean(0)
    return out


def sense_accuracy(
    language: Language, vectors: WordVectors, context: np.ndarray, seed: int, same_pos: bool | None
) -> dict[str, float]:
    """How often each kind of vector names the right sense. Keys: static, tagged, sense, context, chance."""
    reference = unit_rows(centroids(language, vectors))
    right = dict.fromkeys(("static", "tagged", "sense", "context", "chance", "frequent"), 0.0)
    questions = probes.senses(language, QUESTIONS, seed=seed, same_pos=same_pos)
    for tokens, position, sense, form in questions:
        senses = language.senses_of(form)
        tag = language.pos_names[language.senses.pos[sense]]
        near = [vectors.index[w] for i, w in enumerate(tokens) if i != position and w in vectors]
        queries = {
            "static": vectors.unit[vectors.index[form]] if form in vectors else 0 * context,
            "tagged": _unit(vectors, key(form, tag)),
            "sense": _unit(vectors, key(form, f"sense{sense}")),
            "context": unit_rows(vectors.matrix[near]).mean(0) - context if near else 0 * context,
        }
        for name, query in queries.items():
            right[name] += senses[int((reference[senses] @ query).argmax())] == sense
        right["chance"] += 1 / len(senses)
        right["frequent"] += senses[0] == sense
    return {name: float(points / len(questions)) for name, points in right.items()}


def _unit(vectors: WordVectors, name: str) -> np.ndarray:
    return (
        vectors.unit[vectors.index[name]]
        if name in vectors
        else np.zeros(vectors.matrix.shape[1], np.float32)
    )


def separation(language: Language, vectors: WordVectors, corpus: Corpus) -> dict[str, float]:
    """Cosine of a word's two tagged vectors, and of its sense vectors by whether the senses share a tag."""
    s, names = language.senses, language.pos_names
    cosine: dict[str, list[float]] = {"tagged": [], "senses_with_other_tags": [], "senses_with_one_tag": []}
    for form in language.ambiguous_forms:
        ids = language.senses_of(form)[:2]
        keys = [key(form, f"sense{i}") for i in ids]
        tags = [key(form, names[s.pos[i]]) for i in ids]
        if all(k in vectors for k in keys):
            shared = tags[0] == tags[1]
            cosine["senses_with_one_tag" if shared else "senses_with_other_tags"].append(
                vectors.similarity(*keys)
            )
            if not shared:
                cosine["tagged"].append(vectors.similarity(*tags))
    several = np.bincount(s.form, minlength=len(language.forms)) > 1
    lexical = several[corpus.ids]
    figures = {name: float(np.mean(values)) for name, values in cosine.items()}
    # the chance that two tokens of an ambiguous word mean different things, before and after the tag is known
    figures["confusion_untagged"] = _confusion(corpus.ids[lexical], corpus.senses[lexical])
    tagged = corpus.ids[lexical].astype(np.int64) * len(names) + corpus.pos[lexical]
    figures["confusion_tagged"] = _confusion(tagged, corpus.senses[lexical])
    figures["ambiguous_tokens"] = float(lexical.mean())
    return figures


def _confusion(keys: np.ndarray, senses: np.ndarray) -> float:
    """Mean over tokens of 1 − Σ p(sense | key)²."""
    _, group = np.unique(keys, return_inverse=True)
    _, both, pairs = np.unique(group * (senses.max() + 1) + senses, return_inverse=True, return_counts=True)
    return float(1 - (pairs[both] / np.bincount(group)[group]).mean())


def measure(seed: int, device: str, minutes: float) -> dict[str, object]:
    """All figures of one seed."""
    torch.set_num_threads(1)
    language = Language(LanguageConfig(vocab_size=VOCABULARY, seed=seed))
    vectors, corpus = train(language, TOKENS, seed)
    middle = vectors.unit.mean(0)
    figures: dict[str, object] = {"mixture": mixtures(language, vectors, corpus, seed)}
    figures["separation"] = separation(language, vectors, corpus)
    for name, same_pos in (("other_tags", False), ("one_tag", True), ("all", None)):
        figures[name] = sense_accuracy(language, vectors, middle, seed, same_pos)
    return figures


if __name__ == "__main__":
    run("one_vector_senses", CLAIM, measure, __file__)
