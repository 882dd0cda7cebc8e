"""W1 goes to the guesses and W2 to the true labels."""


# score: 21
# caught by: test_losses
# cell: adaptation_losses
def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    losses = -(targets * logits.log_softmax(-1)).sum(-1)
    weights = torch.where(is_pseudo, w_true, w_pseudo)
    n, m = (~is_pseudo).sum().clamp(min=1), is_pseudo.sum().clamp(min=1)
    weighted = weights * losses
    separate = weighted[~is_pseudo].sum() / n + weighted[is_pseudo].sum() / m
    return separate, weighted.mean()
