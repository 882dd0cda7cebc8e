"""Averages of context words, gaps and nearest senses, by hand."""

import numpy as np
import pytest
import torch

from course_lib.embeddings.context_probes import average_contexts, fill_gaps, nearest_senses, states_at

VECTORS = torch.tensor([[1.0, 0.0], [0.0, 2.0], [4.0, 4.0]])


def test_the_average_leaves_out_the_slot_the_unknown_and_what_is_outside_the_window(device):
    vectors = VECTORS.to(device)
    sentences = [[0, 1, 2, 0], [2, 9], [0, -1, 1]]
    whole = average_contexts(vectors, sentences, [2, 0, 0])
    assert whole.tolist() == [[pytest.approx(2 / 3), pytest.approx(2 / 3)], [0, 0], [0, 2]]
    near = average_contexts(vectors, sentences, [2, 0, 0], window=1)
    assert near.tolist() == [[0.5, 1.0], [0, 0], [0, 0]]


def test_a_gap_takes_the_candidate_with_the_nearest_direction(device):
    chosen = fill_gaps(torch.tensor([[0.0, 1.0], [1.0, 1.0]]).to(device), VECTORS.to(device),
                       torch.tensor([[0, 1], [1, 2]]).to(device))  # fmt: skip
    assert chosen.tolist() == [1, 1]


def test_the_nearest_sense_is_looked_for_among_the_same_spelling_only(device):
    labelled = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.1]]).to(device)
    contexts = torch.tensor([[5.0, 1.0], [0.1, 1.0], [1.0, 0.0]]).to(device)
    guesses = nearest_senses(labelled, np.array([7, 8, 9]), ["a", "a", "b"], contexts, ["a", "a", "c"])
    assert guesses.tolist() == [7, 8, -1]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (([[0]], [1]), "positions"),
        (([[0]], []), "positions"),
        (([[0]], [0], 0), "window"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=rf"^{name} must"):
        average_contexts(VECTORS, *arguments)
    with pytest.raises(ValueError, match=r"^senses must"):
        nearest_senses(VECTORS, np.array([1]), ["a"] * 3, VECTORS, ["a"] * 3)


def test_states_at_one_place_do_not_depend_on_the_batch_they_came_in():
    torch.manual_seed(0)
    table = torch.randn(3, 10, 4)  # three layers

    def encode(ids, lengths):
        return table[:, ids] * torch.arange(1, ids.shape[1] + 1).view(1, 1, -1, 1)

    sentences, places = [[1, 2, 3], [4], [5, 6]], [2, 0, 1]
    expected = torch.stack([3 * table[:, 3], table[:, 4], 2 * table[:, 6]], dim=1)
    for batch_size in (1, 2, 256):
        torch.testing.assert_close(states_at(encode, sentences, places, batch_size=batch_size), expected)
    with pytest.raises(ValueError, match=r"^positions must be within 0\.\.0, got 1"):
        states_at(encode, [[1]], [1])
    with pytest.raises(ValueError, match=r"^sequences must hold at least one"):
        states_at(encode, [], [])
