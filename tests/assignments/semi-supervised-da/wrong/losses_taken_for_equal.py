"""Trusts the lecture's equals sign and returns one value twice."""


# score: 22
# caught by: hidden_losses
# cell: adaptation_losses
def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    losses = -(targets * logits.log_softmax(-1)).sum(-1)
    weights = torch.where(is_pseudo, w_pseudo, w_true).to(losses.dtype)
    pooled = (weights * losses).mean()
    return pooled, pooled
