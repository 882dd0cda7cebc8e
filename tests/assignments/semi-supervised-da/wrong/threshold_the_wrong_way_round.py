"""Keeps the texts that the classifier is unsure of."""


# score: 23
# caught by: hidden_threshold
# cell: pseudo_targets
def pseudo_targets(logits, threshold, sharpness=1.0):
    logits = logits.detach()
    p = logits.softmax(-1)
    sharp = p**sharpness / (p**sharpness).sum(-1, keepdim=True)
    return sharp * (p.amax(-1, keepdim=True) < threshold)
