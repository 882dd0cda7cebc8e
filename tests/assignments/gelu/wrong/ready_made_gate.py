"""Takes a ready-made Φ for granted; it subtracts nearly equal numbers inside."""


# score: 20
# caught by: hidden_gelu_tail
# cell: gelu_exact
def gelu_exact(x, mean=0.0, std=1.0):
    return x * torch.special.ndtr((x - mean) / std)
