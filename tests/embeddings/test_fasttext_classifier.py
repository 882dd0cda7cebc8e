"""fastText's classifier against logistic regression and the released program; its tree; bad input; files."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_lib.embeddings.fasttext_classifier import ClassifierConfig, FastTextClassifier, fit, train
from course_lib.text.ngrams import word_hashes, word_ngram_buckets
from course_lib.text.vocab import Vocabulary

TINY = ClassifierConfig.tiny()
WORDS = [f"w{i}" for i in range(30)]


def topics(n: int, classes: int = 3, seed: int = 0, length: int = 6) -> tuple[list[list[str]], list[str]]:
    """Texts of a noisy language: each class prefers its own tenth of the words; classes overlap."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    chances = np.ones((classes, len(WORDS)))
    for c in range(classes):
        chances[c, c * 5 : c * 5 + 5] = 4
    chances /= chances.sum(1, keepdims=True)
    documents = [rng.choice(WORDS, size=length, p=chances[c]).tolist() for c in labels]
    return documents, [f"class{c}" for c in labels]


def new_model(classes: int = 5, **changes) -> FastTextClassifier:
    labels = Vocabulary([f"class{c}" for c in range(classes)], range(classes, 0, -1))
    return FastTextClassifier(Vocabulary(WORDS), labels, dataclasses.replace(TINY, **changes))


def test_the_hidden_vector_is_the_mean_of_word_and_bigram_rows() -> None:
    model = new_model()
    runs = word_ngram_buckets(word_hashes(["w1", "new", "w2"]), np.array([0, 3]), 2, TINY.buckets)[0]
    rows = torch.tensor([1, 2, *(len(WORDS) + runs)])  # "new" has no row, but its bigrams have
    hidden = model.hidden(model.rows_of([["w1", "new", "w2"]]))
    torch.testing.assert_close(hidden[0], model.rows[rows].mean(0))


def test_batching_never_changes_a_text_s_probabilities() -> None:
    model = new_model()
    torch.nn.init.normal_(model.output)
    documents = [["w1"], [], ["w2", "unknown", "w3"], ["w1"]]
    together = model(documents)
    for i, document in enumerate(documents):
        torch.testing.assert_close(together[i], model([document])[0])


@pytest.mark.parametrize("classes", [2, 3, 8, 37])
def test_probabilities_of_the_hierarchical_softmax_sum_to_one(classes: int, device: torch.device) -> None:
    model = new_model(classes, objective="hierarchical").to(device)
    torch.nn.init.normal_(model.output, std=3)
    log_probs = model.log_probs(torch.randn(20, TINY.size, device=device))
    assert model.output.shape == (classes - 1, TINY.size)
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(20, device=device))


def test_a_frequent_label_has_the_shorter_way_through_the_tree() -> None:
    tree = FastTextClassifier(
        Vocabulary(["w"]),
        Vocabulary(["a", "b", "c"], [90, 6, 4]),
        dataclasses.replace(TINY, objective="hierarchical"),
    ).tree
    assert tree is not None
    assert tree.lengths.tolist() == [1, 2, 2]


@pytest.mark.parametrize("objective", ["softmax", "hierarchical"])
def test_a_step_is_gradient_descent_on_the_batch_s_summed_loss(objective: str, device: torch.device) -> None:
    documents, labels = topics(6, classes=5)
    config = dataclasses.replace(TINY, objective=objective, batch=6, epochs=1, learning_rate=0.5)
    model = train(documents, labels, config, device=device)  # once, for output rows that are not all 0
    target = torch.from_numpy(model.labels.encode(labels)).long().to(device)
    before = [model.rows.clone(), model.output.clone()]
    loss = F.nll_loss(model(documents), target, reduction="sum")
    gradients = torch.autograd.grad(loss, [model.rows, model.output])
    fit(model, model.rows_of(documents), model.labels.encode(labels))
    for after, start, gradient in zip([model.rows, model.output], before, gradients, strict=True):
        torch.testing.assert_close(after, start - 0.5 * gradient)


@pytest.mark.oracle
def test_the_best_fit_is_scikit_learn_s_logistic_regression_on_the_same_features() -> None:
    from sklearn.linear_model import LogisticRegression

    documents, labels = topics(400)
    held_out, _ = topics(400, seed=1)
    model = FastTextClassifier(
        Vocabulary(WORDS),
        Vocabulary.from_sentences([labels]),
        ClassifierConfig(size=4, word_ngrams=1, seed=3),
    ).double()
    target = torch.from_numpy(model.labels.encode(labels)).long()
    bags = model.rows_of(documents)
    torch.nn.init.normal_(model.output, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=400, line_search_fn="strong_wolfe", tolerance_change=0
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.nll_loss(model.log_probs(model.hidden(bags)), target)
        loss.backward()
        return loss

    optimizer.step(closure)

    def features(texts: list[list[str]]) -> np.ndarray:
        """Share of each word in each text, (N, V): what the mean of rows multiplies."""
        return np.stack(
            [np.bincount(model.vocabulary.encode(t), minlength=len(WORDS)) / len(t) for t in texts]
        )

    oracle = LogisticRegression(C=1e8, fit_intercept=False, max_iter=2000, tol=1e-8)
    oracle.fit(features(documents), target.numpy())
    expected = oracle.predict_proba(features(held_out))
    np.testing.assert_allclose(model(held_out).exp().detach().numpy(), expected, atol=2e-3)


def test_training_reaches_logistic_regression_s_accuracy() -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    documents, labels = topics(1500, length=12)
    held_out, truth = topics(1500, seed=1, length=12)
    counter = CountVectorizer(analyzer=lambda text: text)
    linear = LogisticRegression(max_iter=500).fit(counter.fit_transform(documents), labels)
    expected = linear.score(counter.transform(held_out), truth)
    assert expected > 0.65  # far above chance, far below certainty
    for objective in ("softmax", "hierarchical"):
        model = train(
            documents, labels, ClassifierConfig(size=8, objective=objective, learning_rate=0.5, epochs=10)
        )
        assert (
            np.mean([p == t for p, t in zip(model.predict(held_out), truth, strict=True)]) > expected - 0.03
        )


@pytest.mark.oracle
def test_probabilities_equal_the_released_fasttext_s_for_its_weights(tmp_path) -> None:
    import fasttext

    rng = np.random.default_rng(0)
    words = ["good", "bad", "电影", "not", "naïve"]
    texts = [rng.choice(words, size=4).tolist() for _ in range(60)]
    lines = [f"__label__{'up' if 'good' in t else 'down'} {' '.join(t)}" for t in texts]
    (tmp_path / "text").write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = {
        "bucket": 60,
        "wordNgrams": 3,
        "dim": 5,
        "epoch": 20,
        "lr": 1.0,
        "thread": 1,
        "minn": 0,
        "maxn": 0,
    }
    oracle = fasttext.train_supervised(str(tmp_path / "text"), verbose=0, **options)
    model = FastTextClassifier(
        Vocabulary(oracle.get_words()),
        Vocabulary(oracle.get_labels()),
        ClassifierConfig(size=5, word_ngrams=3, buckets=60),
    )
    model.rows.data = torch.from_numpy(oracle.get_input_matrix())
    model.output.data = torch.from_numpy(oracle.get_output_matrix())
    # the module's own `predict` needs numpy 1; the compiled part below it does not
    for text in [*texts[:20], ["good"], ["不", "电影"]]:
        expected = {label: p for p, label in oracle.f.predict(" ".join(text) + "\n", 2, 0.0, "strict")}
        ours = model([[*text, "</s>"]])[0].exp().tolist()
        for label, p in zip(model.labels.words, ours, strict=True):
            assert p == pytest.approx(expected[label], abs=3e-5), text  # it adds 1e-5 before its logarithm


def test_bigrams_learn_what_a_bag_of_words_cannot() -> None:
    rng = np.random.default_rng(0)
    texts = [["not", "good", "but", "bad"], ["not", "bad", "but", "good"]]
    labels = rng.integers(2, size=200)
    documents = [texts[i] for i in labels]
    names = [str(i) for i in labels]
    config = dataclasses.replace(TINY, learning_rate=0.5, epochs=10)
    assert train(documents, names, config).predict(texts) == ["0", "1"]
    single = train(documents, names, dataclasses.replace(config, word_ngrams=1))
    assert len(set(single.predict(texts))) == 1


def test_hidden_vectors_gather_by_label_although_no_text_s_vector_is_given() -> None:
    documents, labels = topics(600, length=12)
    config = ClassifierConfig(size=8, learning_rate=0.5, epochs=10)
    model = train(documents, labels, config)
    hidden = F.normalize(model.hidden(model.rows_of(documents)), dim=1)
    same = torch.from_numpy(np.array(labels)[:, None] == np.array(labels))
    cosine = hidden @ hidden.T
    assert cosine[same].mean() > cosine[~same].mean() + 0.3


def test_the_same_seed_gives_the_same_model() -> None:
    documents, labels = topics(50)
    first, again = (train(documents, labels, TINY) for _ in range(2))
    assert torch.equal(first.rows, again.rows)


def test_long_words_nul_bytes_and_empty_texts_are_texts_like_others() -> None:
    documents = [["x" * 10_000, "\0"], [], ["a"]]
    model = train(documents, ["a", "b", "a"], TINY)
    assert model([*documents, ["never", "seen"]]).isfinite().all()


@pytest.mark.parametrize(
    ("documents", "labels", "message"),
    [
        ([], [], "labels must be one for each text"),
        ([["a"]], ["x", "y"], "labels must be one for each text"),
        ([["a"], ["b"]], ["x", "x"], "two different"),
        ([[], []], ["x", "y"], "vocabulary"),
        (["text", "text"], ["x", "y"], "sentences must be lists"),
    ],
)
def test_texts_that_teach_nothing_are_refused(documents: list, labels: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        train(documents, labels, TINY)


@pytest.mark.parametrize(
    "change",
    [{"buckets": 0}, {"word_ngrams": 0}, {"objective": "tree"}, {"learning_rate": 0.0}, {"batch": 0}],
)
def test_impossible_settings_are_refused_by_name(change: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        dataclasses.replace(TINY, **change)


def test_steps_that_diverge_are_reported() -> None:
    documents, labels = topics(50)
    with pytest.raises(ValueError, match="learning_rate"):
        train(documents, labels, dataclasses.replace(TINY, learning_rate=1e30))


@pytest.mark.parametrize("objective", ["softmax", "hierarchical"])
def test_a_saved_classifier_comes_back_whole(tmp_path, objective: str) -> None:
    documents, labels = topics(40)
    config = dataclasses.replace(TINY, objective=objective)
    model = train(documents, labels, config)
    model.save(tmp_path / "m.pt")
    again = FastTextClassifier.load(tmp_path / "m.pt", config)
    assert again.labels.words == model.labels.words
    assert torch.equal(again(documents), model(documents))


def test_a_file_with_other_settings_or_damage_is_refused(tmp_path) -> None:
    path = tmp_path / "m.pt"
    new_model().save(path)
    with pytest.raises(ValueError, match="config"):
        FastTextClassifier.load(path, dataclasses.replace(TINY, size=9))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match="path must be"):
        FastTextClassifier.load(path)
