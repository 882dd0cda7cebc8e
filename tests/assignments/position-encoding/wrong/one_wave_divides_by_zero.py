"""With a single wave P - 1 is 0, and the exponent 0/0."""
# score: 26
# caught by: hidden_waves_odd
# cell: waves
def waves(positions, width, shortest, longest):
    positions = positions.double() if positions.dtype == torch.float64 else positions.float()
    pairs = (width + 1) // 2
    steps = torch.arange(pairs, dtype=torch.float64) / (pairs - 1)
    speed = 2 * math.pi / (shortest * (longest / shortest) ** steps)
    angles = positions.unsqueeze(-1) * speed.to(positions.dtype)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[..., :width]
