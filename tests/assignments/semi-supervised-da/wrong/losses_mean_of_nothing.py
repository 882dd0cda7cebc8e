"""Takes the mean of each kind, which is nan where a kind does not occur."""


# score: 24
# caught by: hidden_losses_one_kind
# cell: adaptation_losses
def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    losses = -(targets * logits.log_softmax(-1)).sum(-1)
    separate = w_true * losses[~is_pseudo].mean() + w_pseudo * losses[is_pseudo].mean()
    weights = torch.where(is_pseudo, w_pseudo, w_true).to(losses.dtype)
    return separate, (weights * losses).mean()
