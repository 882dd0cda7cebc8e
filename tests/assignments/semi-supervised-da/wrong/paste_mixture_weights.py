"""The course library's weights of a mixture: right numbers, but the true examples always come first."""


# score: 24
# caught by: hidden_equal_weights
# cell: equal_weights
def equal_weights(is_pseudo, w_true, w_pseudo):
    true, pseudo = int((~is_pseudo).sum()), int(is_pseudo.sum())
    total = true + pseudo
    each = w_true * total / true, w_pseudo * total / max(pseudo, 1)
    first, second = (torch.tensor(value, dtype=torch.float64) for value in each)
    return torch.cat([first.expand(true), second.expand(pseudo)])
