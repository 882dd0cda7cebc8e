"""One call of torch's mean cross-entropy for each kind; without an example the mean is nan."""


# score: 24
# caught by: hidden_losses_one_kind
# cell: adaptation_losses
def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    cross_entropy = torch.nn.functional.cross_entropy
    true = cross_entropy(logits[~is_pseudo], targets[~is_pseudo])
    pseudo = cross_entropy(logits[is_pseudo], targets[is_pseudo])
    each = cross_entropy(logits, targets, reduction="none")
    weights = torch.where(is_pseudo, w_pseudo, w_true).to(each.dtype)
    return w_true * true + w_pseudo * pseudo, (weights * each).mean()
