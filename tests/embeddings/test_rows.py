"""Gradient rows added to a matrix."""

import torch

from course_lib.embeddings.rows import add_rows_, gather


def test_repeated_rows_are_summed(device):
    matrix = torch.zeros(3, 2, device=device)
    ids = torch.tensor([[0, 2], [2, 2]], device=device)
    add_rows_(matrix, ids, torch.ones(2, 2, 2, device=device), 0.5, torch.ones(2, 2), float("inf"))
    assert matrix.tolist() == [[-0.5, -0.5], [0, 0], [-1.5, -1.5]]


def test_only_a_row_with_many_terms_is_shortened(device):
    matrix = torch.zeros(2, 1, device=device)
    ids = torch.tensor([0, 1, 1, 1, 1], device=device)
    rows = torch.ones(5, 1, device=device)
    terms = torch.tensor([1, 5, 5, 5, 5], device=device)
    add_rows_(matrix, ids, rows, 0.1, terms, limit=1.0)
    # row 0: 0.1 · 1 ≤ 1, so a whole step; row 1: 0.1 · 20 > 1, so steps of 1/20
    assert torch.allclose(matrix.cpu(), torch.tensor([[-0.1], [-0.2]]))


def test_gather_looks_up_any_shape():
    matrix = torch.arange(6.0).view(3, 2)
    assert torch.equal(gather(matrix, torch.tensor([[2], [0]])), matrix[torch.tensor([[2], [0]])])
