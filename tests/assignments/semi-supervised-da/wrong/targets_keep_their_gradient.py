"""The targets are not cut off, so the loss can be lowered by moving them."""


# score: 24
# caught by: hidden_constant
# cell: pseudo_targets
def pseudo_targets(logits, threshold, sharpness=1.0):
    logits = logits + 0.0
    p = logits.softmax(-1)
    sharp = p**sharpness / (p**sharpness).sum(-1, keepdim=True)
    return sharp * (p.amax(-1, keepdim=True) >= threshold)
