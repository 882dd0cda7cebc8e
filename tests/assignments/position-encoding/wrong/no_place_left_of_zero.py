"""Negative places are taken for positive ones."""
# score: 24
# caught by: hidden_waves_places
# cell: waves
def waves(positions, width, shortest, longest):
    positions = positions.double() if positions.dtype == torch.float64 else positions.float()
    positions = positions.abs()
    pairs = (width + 1) // 2
    steps = torch.arange(pairs, dtype=torch.float64) / max(pairs - 1, 1)
    speed = 2 * math.pi / (shortest * (longest / shortest) ** steps)
    angles = positions.unsqueeze(-1) * speed.to(positions.dtype)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[..., :width]
