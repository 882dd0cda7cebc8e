"""Training: every architecture with every objective learns a language whose structure is known."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from course_lib.embeddings import evaluate
from course_lib.embeddings.heldout import heldout_loss
from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.word2vec import Word2VecConfig, new_model, train
from course_lib.text.vocab import Vocabulary

STEMS, ENDINGS = 24, 3
TINY = Word2VecConfig.tiny()
COMBINATIONS = [(a, o) for a in ("skipgram", "cbow") for o in ("softmax", "negative", "hierarchical")]


def sentences(count, seed):
    """Five words each: contexts of a stem and an ending around a form, which is stem × ending."""
    rng = np.random.default_rng(seed)
    stem, ending = rng.integers(STEMS, size=count), rng.integers(ENDINGS, size=count)
    around_stem = rng.integers(4, size=(count, 2))
    around_ending = rng.integers(6, size=(count, 2))
    return [
        [f"s{s}.{a}", f"e{e}.{b}", f"w{s}-{e}", f"s{s}.{c}", f"e{e}.{d}"]
        for s, e, (a, c), (b, d) in zip(stem, ending, around_stem, around_ending, strict=True)
    ]


@pytest.fixture(scope="module")
def language():
    """Training sentences, vocabulary, ids, and questions with their true answers."""
    text = sentences(6000, seed=0)
    vocabulary = Vocabulary.from_sentences(text)
    rng = np.random.default_rng(1)
    forms = [(s, e) for s in range(STEMS) for e in range(ENDINGS)]
    chosen = rng.integers(len(forms), size=(400, 2))
    similar = [
        (f"w{a[0]}-{a[1]}", f"w{b[0]}-{b[1]}", (a[0] == b[0]) + (a[1] == b[1]))
        for a, b in ((forms[i], forms[j]) for i, j in chosen if i != j)
    ]
    analogies = [
        (f"w{s}-{e}", f"w{s}-{f}", f"w{t}-{e}", f"w{t}-{f}")
        for s, t in rng.integers(STEMS, size=(60, 2))
        for e, f in [rng.permutation(ENDINGS)[:2]]
        if s != t
    ]
    return text, vocabulary, vocabulary.encode_sentences(text), similar, analogies


def score(vectors, language):
    return evaluate.similarity(vectors, language[3]), evaluate.analogy(vectors, language[4])


@pytest.mark.parametrize(("architecture", "objective"), COMBINATIONS)
def test_all_six_combinations_beat_an_untrained_model(language, device, architecture, objective):
    config = dataclasses.replace(
        TINY, architecture=architecture, objective=objective, epochs=2, learning_rate=0.1, shared_noise=8
    )
    model = train(language[2], language[1], config, device=device)
    untrained = new_model(language[1], config).vectors()
    assert model.history[-1].loss < 0.9 * model.history[0].loss
    assert score(model.vectors(), language)[0] > 0.4
    assert abs(score(untrained, language)[0]) < 0.15


@pytest.mark.oracle
def test_gensim_on_the_same_corpus_reaches_no_better_score(language):
    from gensim.models import Word2Vec

    # The margin is what three seeds of one trainer differ by on questions as few as these.
    ours, theirs = [], []
    for seed in range(3):
        config = Word2VecConfig(size=32, window=2, subsample=0, epochs=4, learning_rate=0.05, seed=seed)
        ours.append(score(train(language[2], language[1], config).vectors(), language))
        model = Word2Vec(
            language[0], vector_size=32, window=2, sample=0, epochs=4, alpha=0.05, seed=seed + 1,
            sg=1, negative=5, min_count=1, workers=1,
        )  # fmt: skip
        theirs.append(score(WordVectors(model.wv.index_to_key, model.wv.vectors), language))
    difference = np.mean(ours, axis=0) - np.mean(theirs, axis=0)
    assert difference[0] > -0.03, (ours, theirs)
    assert difference[1] > -0.03, (ours, theirs)


def test_shuffled_text_teaches_nothing(language):
    ids, offsets = language[2]
    shuffled = np.random.default_rng(0).permutation(ids)
    config = dataclasses.replace(TINY, epochs=2, learning_rate=0.1)
    assert abs(score(train((shuffled, offsets), language[1], config).vectors(), language)[0]) < 0.15


@pytest.mark.parametrize(("architecture", "objective"), COMBINATIONS)
def test_the_same_seed_gives_the_same_vectors_and_another_seed_does_not(language, architecture, objective):
    ids, offsets = language[2]
    small = ids[: offsets[200]], offsets[:201]
    config = dataclasses.replace(TINY, architecture=architecture, objective=objective, subsample=1e-3)
    runs = [
        train(small, language[1], dataclasses.replace(config, seed=s), total_tokens=1000) for s in (0, 0, 1)
    ]
    assert torch.equal(runs[0].input, runs[1].input)
    assert torch.equal(runs[0].output, runs[1].output)
    assert not torch.equal(runs[0].input, runs[2].input)


def test_several_workers_learn_as_well_as_one(language):
    config = dataclasses.replace(TINY, epochs=3, learning_rate=0.1, size=24)
    one, three = (train(language[2], language[1], config, workers=n).vectors() for n in (1, 3))
    assert score(three, language)[0] > score(one, language)[0] - 0.1
    with pytest.raises(ValueError, match="workers"):
        train(language[2], language[1], config, workers=0)


@pytest.mark.parametrize("shared", [0, 8])
def test_how_the_text_is_cut_into_steps_never_loses_a_pair(language, shared):
    """With a step size of 0 nothing moves, so the measured losses count the pairs of all stretches alike."""
    ids, offsets = language[2]
    small = ids[: offsets[100]], offsets[:101]

    def pairs(batch):
        from course_lib.embeddings import word2vec

        counted = []
        config = dataclasses.replace(TINY, batch_tokens=batch, shared_noise=shared)
        make = word2vec._stepper

        def counting(model, generator):
            step = make(model, generator)
            return lambda *a: counted.append(result := step(*a)) or result

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(word2vec, "_stepper", counting)
            train(small, language[1], config)
        return sum(int(result[1]) for result in counted)

    assert pairs(7) == pairs(64) == pairs(10_000)


def test_each_pair_with_its_own_noise_agrees_with_shared_noise(language):
    scores = []
    for shared in (0, 16):
        config = dataclasses.replace(TINY, epochs=3, learning_rate=0.1, shared_noise=shared, size=24)
        scores.append(score(train(language[2], language[1], config).vectors(), language)[0])
    assert abs(scores[0] - scores[1]) < 0.1


def test_heldout_loss_falls_below_the_untrained_and_the_shuffled(language):
    vocabulary = language[1]
    fresh = vocabulary.encode_sentences(sentences(500, seed=9))
    config = dataclasses.replace(TINY, epochs=2, learning_rate=0.1)
    trained, untrained = train(language[2], vocabulary, config), new_model(vocabulary, config)
    shuffled = (np.random.default_rng(0).permutation(fresh[0]), fresh[1])

    def loss(model, text):
        return heldout_loss(model.input, model.output, vocabulary.counts, text, window=2)

    assert loss(untrained, fresh) == pytest.approx(6 * math.log(2), abs=1e-5)
    assert loss(trained, fresh) < 0.8 * loss(untrained, fresh)
    assert loss(trained, fresh) < loss(trained, shuffled) - 0.3
    with pytest.raises(ValueError, match="source"):
        heldout_loss(trained.input, trained.output, vocabulary.counts, [[0]])


@pytest.mark.oracle
def test_heldout_loss_is_within_3_percent_of_gensims(language):
    from gensim.models import Word2Vec

    text, vocabulary, encoded, _, _ = language
    fresh = vocabulary.encode_sentences(sentences(500, seed=9))
    config = Word2VecConfig(size=32, window=2, subsample=0, epochs=4, learning_rate=0.05)
    ours = train(encoded, vocabulary, config)
    theirs = Word2Vec(
        text, vector_size=32, window=2, sample=0, epochs=4, alpha=0.05, sg=1, min_count=1, workers=1, seed=1
    )
    order = [theirs.wv.key_to_index[word] for word in vocabulary.words]
    matrices = torch.from_numpy(theirs.wv.vectors[order]), torch.from_numpy(theirs.syn1neg[order])
    options = {"counts": vocabulary.counts, "source": fresh, "window": 2}
    assert heldout_loss(ours.input, ours.output, **options) < 1.03 * heldout_loss(*matrices, **options)


def test_progress_is_reported_and_rises(language):
    seen = []
    train(language[2], language[1], TINY, on_progress=lambda model, now: seen.append(now), measure_every=10)
    assert [p.tokens for p in seen] == sorted(p.tokens for p in seen)
    assert seen[0].tokens == 0
    assert seen[-1].tokens < seen[-1].total == len(language[2][0])


def test_words_of_ten_thousand_characters_and_nul_bytes_are_words_like_others(tmp_path):
    text = [["a" * 10_000, "nul\0byte", "naïve"]] * 20
    vocabulary = Vocabulary.from_sentences(text)
    model = train(vocabulary.encode_sentences(text), vocabulary, TINY)
    model.vectors().save(tmp_path / "v.txt")
    assert WordVectors.load(tmp_path / "v.txt").words == vocabulary.words


def test_a_window_larger_than_the_text_is_no_error():
    vocabulary = Vocabulary(["a", "b"], [1, 1])
    model = train([[0, 1]], vocabulary, dataclasses.replace(TINY, window=500))
    assert torch.isfinite(model.input).all()


def test_hierarchical_softmax_has_no_context_vectors():
    vocabulary = Vocabulary(["a", "b", "c"], [3, 2, 1])
    model = new_model(vocabulary, dataclasses.replace(TINY, objective="hierarchical"))
    assert model.output.shape == (2, 16)
    with pytest.raises(ValueError, match="objective"):
        model.context_vectors()
    assert new_model(vocabulary, TINY).context_vectors().matrix.shape == (3, 16)


@pytest.mark.parametrize(
    ("source", "words", "name"),
    [
        ([], ["a", "b"], "source"),
        ([[0], [1]], ["a", "b"], "source"),
        ([[0, 1]], ["a"], "vocabulary"),
        ([[0, 1]], [], "vocabulary"),
        ([[0, 2]], ["a", "b"], "ids"),
    ],
)
def test_texts_that_teach_nothing_are_refused_by_name(source, words, name):
    with pytest.raises(ValueError, match=name):
        train(source, Vocabulary(words), TINY)


@pytest.mark.parametrize("objective", ["negative", "softmax", "hierarchical"])
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_a_stretch_without_neighbours_teaches_nothing_and_is_no_error(architecture, objective):
    config = dataclasses.replace(TINY, architecture=architecture, objective=objective, batch_tokens=4)
    words = Vocabulary(["a", "b", "c"])
    with pytest.raises(ValueError, match="source must hold two neighbours"):
        train([[0], [1]], words, config)
    lonely = [[0], [1], [2], [0]]  # fills the first step
    model = train([*lonely, [0, 1, 2]], words, config)
    assert model.input.isfinite().all()
    assert model.output.any()


@pytest.mark.parametrize(
    "setting",
    [
        {"architecture": "glove"},
        {"objective": "nce"},
        {"size": 0},
        {"window": 0},
        {"window": 10**9},
        {"negative": 0},
        {"subsample": -1.0},
        {"learning_rate": float("nan")},
        {"epochs": 0},
        {"batch_tokens": 0},
        {"min_learning_rate": 1.0},
    ],
)
def test_bad_settings_are_refused_by_name(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        Word2VecConfig(**setting)


def test_a_step_size_that_diverges_is_reported(language):
    config = dataclasses.replace(TINY, learning_rate=1e30, limit=float("inf"), batch_tokens=10_000)
    with pytest.raises(ValueError, match="learning_rate"):
        train(language[2], language[1], config, measure_every=1)
