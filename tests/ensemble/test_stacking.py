"""Stacking: the second level sees held-out predictions only, and equals scikit-learn's."""

import numpy as np
import pytest
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from course_lib.ensemble.folds import grouped_folds, stratified_folds
from course_lib.ensemble.stacking import from_estimator, meta_features, out_of_fold, stack

MAKE = {
    "tree": lambda: DecisionTreeClassifier(random_state=0),
    "bayes": GaussianNB,
    "logistic": LogisticRegression,
}


def blobs(classes, n=180, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    return np.eye(classes, 4)[y] * 1.5 + rng.normal(size=(n, 4)), y


def noise(n=400, seed=0):
    """Features that say nothing about balanced labels: any accuracy above 1/2 is a leak."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), rng.permutation(np.arange(n) % 2)


@pytest.mark.oracle
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", MAKE)
def test_out_of_fold_predictions_are_cross_val_predicts(name, classes):
    x, y = blobs(classes)
    folds = stratified_folds(y, 5)
    expected = cross_val_predict(MAKE[name](), x, y, cv=PredefinedSplit(folds), method="predict_proba")
    np.testing.assert_allclose(out_of_fold(from_estimator(MAKE[name]), x, y, folds), expected, atol=1e-12)


@pytest.mark.oracle
def test_a_stack_is_scikit_learns_stacking_classifier():
    x, y = blobs(2)
    new, _ = blobs(2, seed=1)
    folds = stratified_folds(y, 5)
    theirs = StackingClassifier(
        [(name, make()) for name, make in MAKE.items()],
        LogisticRegression(),
        cv=[(np.flatnonzero(folds != f), np.flatnonzero(folds == f)) for f in range(5)],
        stack_method="predict_proba",
    ).fit(x, y)
    learners = [from_estimator(make) for make in MAKE.values()]
    ours = stack(learners, from_estimator(LogisticRegression), x, y, folds)
    np.testing.assert_allclose(ours(new), theirs.predict_proba(new), atol=1e-12)


def test_a_memoriser_learns_nothing_about_labels_that_are_noise():
    """One nearest neighbour knows every training label by heart: out of fold it must be at chance.

    With its own labels in the training part it would be right every time.
    """
    x, y = noise()
    learner = from_estimator(lambda: KNeighborsClassifier(1))
    assert (learner(x, y)(x).argmax(1) == y).mean() == 1.0
    assert abs((out_of_fold(learner, x, y, stratified_folds(y, 5)).argmax(1) == y).mean() - 0.5) < 0.1


def test_no_model_ever_sees_the_fold_that_it_predicts():
    x, y = np.arange(40)[:, None], np.arange(40) % 2
    folds = stratified_folds(y, 4)
    meetings = []

    def learner(examples, labels):
        seen = set(examples[:, 0].tolist())
        assert labels.tolist() == [row % 2 for row in examples[:, 0]]  # labels belong to their examples

        def predict(asked):
            meetings.append((seen, asked[:, 0].tolist()))
            return np.full((len(asked), 2), 0.5)

        return predict

    out_of_fold(learner, x, y, folds)
    assert sorted(row for _, asked in meetings for row in asked) == list(range(40))
    for seen, asked in meetings:
        assert not seen & set(asked)
        assert seen | set(asked) == set(range(40))


def test_copies_of_an_example_leak_through_plain_folds_and_not_through_groups():
    x, y = noise(200)
    x, y, group = np.repeat(x, 2, axis=0), np.repeat(y, 2), np.repeat(np.arange(200), 2)
    learner = from_estimator(lambda: KNeighborsClassifier(1))
    plain = out_of_fold(learner, x, y, stratified_folds(y, 5))
    whole = out_of_fold(learner, x, y, grouped_folds(group, 5, labels=y))
    assert (plain.argmax(1) == y).mean() > 0.8
    assert abs((whole.argmax(1) == y).mean() - 0.5) < 0.12


def test_the_second_level_trusts_the_honest_model_and_not_the_memoriser():
    """Trained on leaky predictions it would trust the tree, which knows the labels by heart."""
    x, y = blobs(2, n=300)
    y = np.where(np.random.default_rng(1).random(300) < 0.25, 1 - y, y)  # noise that only a memoriser fits
    learners = [from_estimator(MAKE["tree"]), from_estimator(MAKE["bayes"])]
    honest = np.stack([out_of_fold(learner, x, y, stratified_folds(y, 5)) for learner in learners])
    leaky = np.stack([learner(x, y)(x) for learner in learners])
    weights = [LogisticRegression().fit(meta_features(p), y).coef_[0] for p in (honest, leaky)]
    assert weights[0][1] > weights[0][0]
    assert weights[1][0] > weights[1][1]


def test_examples_may_be_a_list_of_texts():
    texts = [["good", "film"], ["bad", "film"]] * 10
    labels = np.array([1, 0] * 10)

    def learner(examples, y):
        positive = {words[0] for words, label in zip(examples, y, strict=True) if label}
        return lambda asked: np.array([[0.0, 1.0] if words[0] in positive else [1.0, 0.0] for words in asked])

    p = out_of_fold(learner, texts, labels, stratified_folds(labels, 2))
    np.testing.assert_array_equal(p.argmax(1), labels)


def test_meta_features_leave_out_the_column_that_the_others_determine():
    p = np.array([[[0.2, 0.3, 0.5]], [[0.6, 0.3, 0.1]]])
    np.testing.assert_allclose(meta_features(p), [[0.3, 0.5, 0.3, 0.1]])
    np.testing.assert_allclose(meta_features(p, "log-odds"), np.log([[1.5, 2.5, 0.5, 1 / 6]]))


def test_log_odds_of_a_sure_model_stay_finite():
    assert np.isfinite(meta_features([[[1.0, 0.0]], [[0.0, 1.0]]], "log-odds")).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda learner, x, y: out_of_fold(learner, x, y, np.zeros(40, int)), "folds must be 40 numbers"),
        (lambda learner, x, y: out_of_fold(learner, x, y, np.arange(39)), "folds must be 40 numbers"),
        (
            lambda learner, x, y: out_of_fold(learner, x, y[:-1], np.arange(40)),
            "labels must be one for each of 40",
        ),
        (
            lambda learner, x, y: out_of_fold(learner, x, y * 1.0, np.arange(40)),
            "labels must be one or more integers",
        ),
        (lambda learner, x, y: out_of_fold(learner, x, y, y), "does its training part hold every class"),
        (lambda learner, x, y: stack([], learner, x, y, np.arange(40) % 4), "learners must be one or more"),
        (lambda learner, x, y: meta_features([[[0.5, 0.5]]], "logits"), "kind must be"),
    ],
)
def test_bad_input_is_named(call, message):
    x, y = blobs(2, n=40)
    with pytest.raises(ValueError, match=message):
        call(from_estimator(GaussianNB), x, y)
