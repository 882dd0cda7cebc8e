"""The wavelengths are spaced evenly instead of by a factor."""
# score: 22
# caught by: test_waves
# cell: waves
def waves(positions, width, shortest, longest):
    positions = positions.double() if positions.dtype == torch.float64 else positions.float()
    pairs = (width + 1) // 2
    speed = 2 * math.pi / torch.linspace(shortest, longest, pairs, dtype=torch.float64)
    angles = positions.unsqueeze(-1) * speed.to(positions.dtype)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[..., :width]
