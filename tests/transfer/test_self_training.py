"""Pseudo-labels by confidence, and rounds of self-training."""

import warnings

import numpy as np
import pytest
import torch

from course_lib.transfer.label_shift import label_weights
from course_lib.transfer.self_training import SelfTraining, pseudo_labels, scikit_trainer, self_train
from course_lib.transfer.semi_supervised import Mixture

PROBABILITIES = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.5, 0.5], [0.05, 0.95]])


@pytest.fixture(scope="module")
def problem():
    """Two clouds: 8 true labels, 72 unlabelled rows, and 100 rows to ask (numbers 80 to 179)."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(180) % 2)
    inputs = rng.normal(size=(180, 2)) + 1.4 * np.stack([2 * labels - 1, 1 - 2 * labels], axis=1)
    return inputs, torch.tensor(labels[:8]), torch.arange(8, 80), labels


def trainer(inputs, log=None):
    from sklearn.linear_model import LogisticRegression

    def train(rows, labels, weights):
        if log is not None:
            log.append((rows.clone(), labels.clone(), weights.clone()))
        model = LogisticRegression(C=5.0).fit(inputs[rows], labels.numpy(), weights.numpy())
        return lambda asked: torch.tensor(model.predict_proba(inputs[asked]))

    return train


def test_a_threshold_keeps_the_sure_guesses_in_their_order(device):
    kept = pseudo_labels(PROBABILITIES.to(device), threshold=0.8)
    assert (kept.rows.tolist(), kept.labels.tolist()) == ([0, 2, 4], [0, 1, 1])
    torch.testing.assert_close(kept.confidence.cpu(), torch.tensor([0.9, 0.8, 0.95]))
    assert len(pseudo_labels(PROBABILITIES).rows) == 5
    assert len(pseudo_labels(PROBABILITIES, threshold=1.0).rows) == 0
    assert pseudo_labels(PROBABILITIES, most=2).rows.tolist() == [0, 4]
    assert pseudo_labels(PROBABILITIES, threshold=0.85, most=4).rows.tolist() == [0, 4]


@pytest.mark.oracle
@pytest.mark.parametrize(("threshold", "rounds"), [(0.75, 3), (0.9, 10), (0.99, 2)])
def test_rounds_that_keep_their_labels_are_scikit_learns(problem, threshold, rounds):
    from sklearn.linear_model import LogisticRegression
    from sklearn.semi_supervised import SelfTrainingClassifier

    inputs, labels, unlabelled, _ = problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = SelfTrainingClassifier(LogisticRegression(C=5.0), threshold=threshold, max_iter=rounds)
        theirs.fit(inputs[:80], np.concatenate([labels, np.full(72, -1)]))
    ours = self_train(
        trainer(inputs), labels, unlabelled, SelfTraining(rounds=rounds, threshold=threshold, keep=True)
    )[-1]
    guessed = np.full(80, -1)
    guessed[:8] = labels
    guessed[ours.pseudo.rows] = ours.pseudo.labels
    np.testing.assert_array_equal(guessed, theirs.transduction_)
    asked = torch.arange(80, 180)
    np.testing.assert_allclose(ours.predict(asked), theirs.predict_proba(inputs[80:]), rtol=1e-6, atol=1e-8)


def test_without_weight_the_last_round_equals_the_first(problem):
    inputs, labels, unlabelled, _ = problem
    rounds = self_train(trainer(inputs), labels, unlabelled, SelfTraining(rounds=2, pseudo_weight=0.0))
    assert len(rounds[1].pseudo.rows) == 72
    asked = torch.arange(80, 180)
    torch.testing.assert_close(rounds[0].predict(asked), rounds[-1].predict(asked), rtol=1e-4, atol=1e-5)


def test_each_round_is_trained_on_the_guesses_of_the_one_before_with_their_weights(problem):
    inputs, labels, unlabelled, _ = problem
    log = []
    config = SelfTraining(rounds=2, threshold=0.7, most=20, pseudo_weight=0.25)
    rounds = self_train(trainer(inputs, log), labels, unlabelled, config)
    assert [len(rows) for rows, _, _ in log] == [8, 28, 28][: len(rounds)]
    for before, (rows, given, weights) in zip(rounds, log[1:], strict=False):
        torch.testing.assert_close(rows[:8], torch.arange(8))
        torch.testing.assert_close(given[:8], labels)
        torch.testing.assert_close(given[8:], before.predict(rows[8:]).argmax(-1))
        assert set(rows[8:].tolist()) <= set(unlabelled.tolist())
        assert weights.tolist() == [1.0] * 8 + [0.25] * 20


def test_class_weights_count_on_the_true_examples_alone(problem):
    inputs, labels, unlabelled, _ = problem
    log = []
    by_class = label_weights(torch.tensor([0.2, 0.8]), torch.tensor([0.5, 0.5]))
    self_train(trainer(inputs, log), labels, unlabelled, SelfTraining(rounds=1), class_weights=by_class)
    for _, given, weights in log:
        np.testing.assert_allclose(weights[:8], [(0.4, 1.6)[y] for y in given[:8].tolist()], rtol=1e-6)
        assert set(weights[8:].tolist()) <= {1.0}


def test_rounds_end_when_nothing_changes(problem):
    inputs, labels, unlabelled, _ = problem
    rounds = self_train(trainer(inputs), labels, unlabelled, SelfTraining(rounds=50))
    assert 2 <= len(rounds) < 20
    last = pseudo_labels(rounds[-1].predict(unlabelled))
    torch.testing.assert_close(last.labels, rounds[-1].pseudo.labels)
    nobody = self_train(trainer(inputs), labels, unlabelled, SelfTraining(rounds=5, threshold=1.0))
    assert len(nobody) == 1
    assert len(self_train(trainer(inputs), labels, unlabelled[:0], SelfTraining(rounds=3))) == 1


def test_self_training_helps_where_the_classes_lie_apart(problem):
    inputs, labels, unlabelled, truth = problem
    rounds = self_train(trainer(inputs), labels[:3], unlabelled, SelfTraining(rounds=5))
    asked = torch.arange(80, 180)
    right = [float((r.predict(asked).argmax(-1).numpy() == truth[80:]).mean()) for r in rounds]
    assert right[-1] >= right[0]
    assert right[-1] > 0.9


@pytest.mark.oracle
def test_the_trainer_gives_scikit_learn_the_weights_relative_to_the_true_ones(problem):
    from sklearn.linear_model import LogisticRegression

    inputs, labels, unlabelled, _ = problem
    train = scikit_trainer(inputs, lambda: LogisticRegression(C=2.0), true=8)
    mixture = Mixture(8, 72, 1.0, 0.5, "separate")
    given = torch.cat([labels, unlabelled % 2])
    predict = train(torch.arange(80), given, mixture.weights(dtype=torch.float64))
    one = np.r_[np.ones(8), np.full(72, 0.5 * 8 / 72)]
    theirs = LogisticRegression(C=2.0).fit(inputs[:80], given.numpy(), one)
    np.testing.assert_allclose(
        predict(torch.arange(80, 180)), theirs.predict_proba(inputs[80:]), rtol=1e-6, atol=1e-9
    )


def test_bad_input_is_refused_by_name(problem):
    inputs, labels, unlabelled, _ = problem
    for arguments, message in (
        ({"threshold": 1.5}, "threshold must"),
        ({"most": -1}, "most must"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            pseudo_labels(PROBABILITIES, **arguments)
    with pytest.raises(ValueError, match=r"^probabilities must have shape \(M, C\)"):
        pseudo_labels(torch.ones(3))
    with pytest.raises(ValueError, match=r"^rounds must"):
        SelfTraining(rounds=-1)
    with pytest.raises(ValueError, match=r"^unlabelled must be"):
        self_train(trainer(inputs), labels, torch.arange(7, 9), SelfTraining())
    with pytest.raises(ValueError, match=r"^labels must have"):
        self_train(trainer(inputs), labels[:0], unlabelled, SelfTraining())
