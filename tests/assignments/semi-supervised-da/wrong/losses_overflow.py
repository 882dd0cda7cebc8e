"""Exponentiates the logits as they are: large ones overflow."""


# score: 23
# caught by: hidden_losses
# cell: adaptation_losses
def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    p = logits.exp() / logits.exp().sum(-1, keepdim=True)
    losses = -(targets * p.log()).sum(-1)
    true, pseudo = losses[~is_pseudo].sum() * w_true, losses[is_pseudo].sum() * w_pseudo
    n, m = int((~is_pseudo).sum()), int(is_pseudo.sum())
    return true / max(n, 1) + pseudo / max(m, 1), (true + pseudo) / (n + m)
