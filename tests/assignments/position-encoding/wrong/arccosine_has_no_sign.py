"""The distance is read off the cosine alone, so it has no sign."""
# score: 24
# caught by: test_read_distance
# cell: distances
def product_curve(distances, width, shortest, longest):
    return waves(distances, width, shortest, longest)[..., 1::2].sum(-1)


def first_rise(width, shortest, longest):
    k = 0
    while True:
        pair = product_curve(torch.tensor([k, k + 1], dtype=torch.float64), width, shortest, longest)
        if pair[1] > pair[0]:
            return k
        k += 1


def read_distance(a, b, shortest, longest):
    cosine = a[..., -2] * b[..., -2] + a[..., -1] * b[..., -1]
    slowest = longest if a.shape[-1] > 2 else shortest
    return torch.arccos(cosine.clamp(-1, 1)) * slowest / (2 * math.pi)
