"""Compares the sharpened probabilities with the threshold: the sharper, the more are believed."""


# score: 24
# caught by: hidden_threshold
# cell: pseudo_targets
def pseudo_targets(logits, threshold, sharpness=1.0):
    logits = logits.detach()
    p = logits.softmax(-1)
    sharp = p**sharpness / (p**sharpness).sum(-1, keepdim=True)
    return sharp * (sharp.amax(-1, keepdim=True) >= threshold)
