"""course_lib's sinusoid, pasted: it has a base, and no shortest and longest wave."""
# score: 21
# caught by: test_waves
# cell: waves
def sinusoid(positions, size, *, base=10_000.0, interleaved=True, dtype=torch.float32):
    exact = torch.promote_types(dtype, torch.float32)
    exponents = torch.arange(0, size, 2, device=positions.device, dtype=exact) / size
    angles = positions.unsqueeze(-1).to(exact) * base**-exponents
    sine, cosine = angles.sin(), angles.cos()[..., : size // 2]
    if not interleaved:
        return torch.cat([sine, cosine], dim=-1).to(dtype)
    if size % 2:
        cosine = torch.cat([cosine, torch.zeros_like(sine[..., :1])], dim=-1)
    return torch.stack([sine, cosine], dim=-1).flatten(-2)[..., :size].to(dtype)


waves = sinusoid
