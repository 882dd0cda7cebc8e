"""The first rise is not searched: half of the shortest wave is returned."""
# score: 26
# caught by: hidden_product
# cell: distances
def product_curve(distances, width, shortest, longest):
    return waves(distances, width, shortest, longest)[..., 1::2].sum(-1)


def first_rise(width, shortest, longest):
    return int(shortest // 2)


def read_distance(a, b, shortest, longest):
    sine = b[..., -2] * a[..., -1] - b[..., -1] * a[..., -2]
    cosine = b[..., -2] * a[..., -2] + b[..., -1] * a[..., -1]
    slowest = longest if a.shape[-1] > 2 else shortest
    return torch.atan2(sine, cosine) * slowest / (2 * math.pi)
