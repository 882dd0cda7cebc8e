"""An odd width gets one column too few."""
# score: 26
# caught by: hidden_waves_odd
# cell: waves
def waves(positions, width, shortest, longest):
    positions = positions.double() if positions.dtype == torch.float64 else positions.float()
    pairs = max(width // 2, 1)
    steps = torch.arange(pairs, dtype=torch.float64) / max(pairs - 1, 1)
    speed = 2 * math.pi / (shortest * (longest / shortest) ** steps)
    angles = positions.unsqueeze(-1) * speed.to(positions.dtype)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)
