"""The course library's two losses, fed with cross-entropies; they refuse a batch without true labels."""


# score: 24
# caught by: hidden_losses_one_kind
# cell: adaptation_losses
def weighted_loss(losses, weights):
    if losses.dim() != 1 or losses.shape != weights.shape or not len(losses):
        raise ValueError("weights must have the shape of losses")
    return (weights * losses).mean()


def separate_loss(true, pseudo, true_weight, pseudo_weight):
    if true.dim() != 1 or pseudo.dim() != 1 or not len(true):
        raise ValueError("true must have shape (n,), n at least 1, and pseudo (m,)")
    return true_weight * true.mean() + pseudo_weight * pseudo.sum() / max(len(pseudo), 1)


def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    losses = -(targets * logits.log_softmax(-1)).sum(-1)
    weights = torch.where(is_pseudo, w_pseudo, w_true).to(losses.dtype)
    separate = separate_loss(losses[~is_pseudo], losses[is_pseudo], w_true, w_pseudo)
    return separate, weighted_loss(losses, weights)
