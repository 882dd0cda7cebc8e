"""GloVe's loss against a double loop, gradcheck and autograd; its training against mittens."""

import math

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from course_lib.embeddings.cooccurrence import flatten, window_counts
from course_lib.embeddings.glove import (
    GloVeConfig,
    GloVeState,
    adagrad_,
    epochs,
    glove_gradients,
    glove_loss,
    train,
    weight,
)


@pytest.fixture
def counts():
    """(12, 12), a third of it 0, up to 40: on both sides of x_max = 10."""
    generator = np.random.default_rng(0)
    dense = generator.integers(0, 40, (12, 12)) * (generator.random((12, 12)) < 0.66)
    return csr_matrix((dense + dense.T).astype(float) / 2)


def entries(counts, device):
    coo = counts.tocoo()
    as_long = (torch.from_numpy(a.astype(np.int64)).to(device) for a in (coo.row, coo.col))
    return *as_long, torch.from_numpy(coo.data).to(device)


def state_of(seed, device, size=12, dimensions=5):
    return GloVeState.random(size, dimensions, seed=seed, device=device, dtype=torch.float64)


def test_the_weight_is_one_at_and_above_x_max():
    x = torch.tensor([1e-3, 10.0, 100.0, 1e6], dtype=torch.float64)
    expected = [(1e-5) ** 0.75, 0.1**0.75, 1.0, 1.0]
    torch.testing.assert_close(weight(x), torch.tensor(expected, dtype=torch.float64))


def test_the_loss_equals_a_double_loop(counts, device):
    state = state_of(0, device)
    w, c, b, d = (p.cpu().numpy() for p in state.parameters())
    expected = 0.0
    dense = counts.toarray()
    for i in range(12):
        for j in range(12):
            if dense[i, j] > 0:
                f = min((dense[i, j] / 10) ** 0.75, 1)
                product = sum(w[i, k] * c[j, k] for k in range(5))
                expected += 0.5 * f * (product + b[i] + d[j] - math.log(dense[i, j])) ** 2
    loss = glove_loss(state, *entries(counts, device), x_max=10, alpha=0.75)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_autograd_agrees_with_finite_differences(counts, device):
    rows, columns, x = (part[:20] for part in entries(counts, device))

    def loss(*parameters):
        return glove_loss(GloVeState(*parameters), rows, columns, x, x_max=10, alpha=0.75)

    parameters = [p.requires_grad_() for p in state_of(1, device).parameters()]
    assert torch.autograd.gradcheck(loss, parameters)


def test_closed_form_gradients_equal_autograd(counts, device):
    rows, columns, x = entries(counts, device)
    state = state_of(2, device)
    for p in state.parameters():
        p.requires_grad_()
    loss = glove_loss(state, rows, columns, x, x_max=10, alpha=0.75)
    expected = torch.autograd.grad(loss, state.parameters())
    with torch.no_grad():
        value, gradients = glove_gradients(state, rows, columns, x.log(), weight(x, x_max=10))
    torch.testing.assert_close(value, loss)
    torch.testing.assert_close(gradients, list(expected), rtol=1e-12, atol=1e-12)


def test_adagrad_equals_torch(device):
    ours = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).to(device)
    theirs = ours.clone().requires_grad_()
    optimizer = torch.optim.Adagrad([theirs], lr=0.05, initial_accumulator_value=1.0, eps=0.0)
    sums = [torch.ones_like(ours)]
    for step in range(5):
        gradient = torch.full_like(ours, step - 2.0)
        adagrad_([ours], [gradient], sums, 0.05)
        theirs.grad = gradient
        optimizer.step()
    torch.testing.assert_close(ours, theirs.detach())


@pytest.mark.oracle
def test_full_batches_follow_mittens_step_by_step(counts, device):
    from mittens import GloVe

    start = state_of(3, device)
    names = ("W", "C", "bw", "bc")
    fixed = {n: p.cpu().numpy().copy() for n, p in zip(names, start.parameters(), strict=True)}
    fixed["bw"], fixed["bc"] = fixed["bw"][:, None], fixed["bc"][:, None]
    model = GloVe(n=5, xmax=10, max_iter=30, learning_rate=0.05, test_mode=True, display_progress=0)
    theirs = model.fit(counts.toarray(), fixed_initialization=fixed)
    config = GloVeConfig(dimensions=5, x_max=10, epochs=30, batch_size=counts.nnz, initial_accumulator=0.1)
    losses = []
    for last, loss in epochs(counts, config, state=start):
        losses.append(loss * counts.nnz)
        state = last
    np.testing.assert_allclose(losses, model.errors, rtol=1e-9)
    np.testing.assert_allclose(state.vectors().cpu().numpy(), theirs, atol=1e-9)


def test_training_recovers_a_low_rank_log_count_matrix(device):
    generator = np.random.default_rng(0)
    w = generator.standard_normal((30, 3))
    logs = w @ w.T / 2
    config = GloVeConfig(dimensions=6, x_max=1.0, epochs=200, batch_size=300, lr=0.2)
    _, losses = train(csr_matrix(np.exp(logs)), config, device=device)
    assert losses[-1] < 1e-3 * losses[0]


def test_an_epoch_sees_every_entry_once_whatever_the_batch_size(counts, device):
    def first(size):
        config = GloVeConfig(dimensions=4, x_max=10, epochs=1, batch_size=size, lr=1e-12)
        return train(counts, config, device=device)[1][0]

    assert first(7) == pytest.approx(first(10_000), rel=1e-6)


def test_the_same_seed_gives_the_same_vectors(counts):
    first, second = (train(counts, GloVeConfig.tiny(), seed=5)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (train(counts, GloVeConfig.tiny(), seed=6)[0] != first).any()


def test_vectors_are_the_sum_of_both_roles(counts):
    state = state_of(0, "cpu")
    torch.testing.assert_close(state.vectors(), state.word + state.context)


def test_a_vocabulary_of_one_word_trains():
    counts = window_counts(*flatten([[0, 0, 0]]), 1, window=50)
    vectors, losses = train(counts, GloVeConfig.tiny())
    assert vectors.shape == (1, 8)
    assert np.isfinite(vectors).all()
    assert losses[-1] < losses[0]


def test_bad_input_is_named(counts):
    for bad in (csr_matrix((3, 3)), csr_matrix((3, 4)), -counts, counts * np.nan, np.eye(3)):
        with pytest.raises(ValueError, match="counts"):
            train(bad, GloVeConfig.tiny())
    for name in ("dimensions", "x_max", "lr", "epochs", "batch_size"):
        with pytest.raises(ValueError, match=name):
            train(counts, GloVeConfig(**{name: 0}))
    with pytest.raises(ValueError, match=r"config\.lr must let the loss stay finite, got 1e\+30"):
        train(counts, GloVeConfig(dimensions=8, lr=1e30, epochs=5))
