"""Everything is computed in float32, also for places in float64."""
# score: 23
# caught by: hidden_waves_places
# cell: waves
def waves(positions, width, shortest, longest):
    positions = positions.float()
    pairs = (width + 1) // 2
    steps = torch.arange(pairs, dtype=torch.float64) / max(pairs - 1, 1)
    speed = 2 * math.pi / (shortest * (longest / shortest) ** steps)
    angles = positions.unsqueeze(-1) * speed.float()
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[..., :width]
