"""The places are turned into whole numbers first, as if they were rows of a table."""
# score: 23
# caught by: hidden_waves_places
# cell: waves
def waves(positions, width, shortest, longest):
    dtype = torch.float64 if positions.dtype == torch.float64 else torch.float32
    positions = positions.long().to(dtype)
    pairs = (width + 1) // 2
    steps = torch.arange(pairs, dtype=torch.float64) / max(pairs - 1, 1)
    speed = 2 * math.pi / (shortest * (longest / shortest) ** steps)
    angles = positions.unsqueeze(-1) * speed.to(dtype)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[..., :width]
