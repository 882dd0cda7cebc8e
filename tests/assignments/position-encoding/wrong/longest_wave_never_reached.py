"""The exponent is i/P instead of i/(P-1), so the last wave is shorter than longest."""
# score: 21
# caught by: test_waves
# cell: waves
def waves(positions, width, shortest, longest):
    positions = positions.double() if positions.dtype == torch.float64 else positions.float()
    pairs = (width + 1) // 2
    steps = torch.arange(pairs, dtype=torch.float64) / pairs
    speed = 2 * math.pi / (shortest * (longest / shortest) ** steps)
    angles = positions.unsqueeze(-1) * speed.to(positions.dtype)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[..., :width]
