"""The pooled loss is divided by the number of true labels: the guesses are added, and never counted."""


# score: 21
# caught by: hidden_losses
# cell: adaptation_losses
def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    losses = -(targets * logits.log_softmax(-1)).sum(-1)
    true, pseudo = losses[~is_pseudo], losses[is_pseudo]
    n, m = max(len(true), 1), max(len(pseudo), 1)
    separate = w_true * true.sum() / n + w_pseudo * pseudo.sum() / m
    pooled = (w_true * true.sum() + w_pseudo * pseudo.sum()) / n
    return separate, pooled
