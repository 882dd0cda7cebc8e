"""Makes a label of each target, so soft targets and rows of zeros are lost."""


# score: 23
# caught by: hidden_losses
# cell: adaptation_losses
def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    losses = torch.nn.functional.cross_entropy(logits, targets.argmax(-1), reduction="none")
    true, pseudo = losses[~is_pseudo].sum() * w_true, losses[is_pseudo].sum() * w_pseudo
    n, m = int((~is_pseudo).sum()), int(is_pseudo.sum())
    return true / max(n, 1) + pseudo / max(m, 1), (true + pseudo) / (n + m)
