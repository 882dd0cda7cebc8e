"""The course library's loss for a training loop: it takes labels, and returns a sum and a count."""


# score: 21
# caught by: test_losses
# cell: adaptation_losses
def adaptation_losses(logits, targets, is_pseudo, w_true, w_pseudo):
    weights = torch.where(is_pseudo, w_pseudo, w_true)
    losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    return (weights * losses).sum(), torch.ones_like(losses).sum()
