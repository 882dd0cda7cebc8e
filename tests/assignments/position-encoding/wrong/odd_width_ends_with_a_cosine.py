"""The last column of an odd width is the cosine of its wave."""
# score: 26
# caught by: hidden_waves_odd
# cell: waves
def waves(positions, width, shortest, longest):
    positions = positions.double() if positions.dtype == torch.float64 else positions.float()
    pairs = (width + 1) // 2
    steps = torch.arange(pairs, dtype=torch.float64) / max(pairs - 1, 1)
    speed = 2 * math.pi / (shortest * (longest / shortest) ** steps)
    angles = positions.unsqueeze(-1) * speed.to(positions.dtype)
    table = torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)
    return table if width % 2 == 0 else torch.cat([table[..., : width - 1], table[..., -1:]], -1)
