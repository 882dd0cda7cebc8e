"""The product is divided by the number of waves."""
# score: 25
# caught by: test_product
# cell: distances
def product_curve(distances, width, shortest, longest):
    return waves(distances, width, shortest, longest)[..., 1::2].mean(-1)


def first_rise(width, shortest, longest):
    k = 0
    while True:
        pair = product_curve(torch.tensor([k, k + 1], dtype=torch.float64), width, shortest, longest)
        if pair[1] > pair[0]:
            return k
        k += 1


def read_distance(a, b, shortest, longest):
    sine = b[..., -2] * a[..., -1] - b[..., -1] * a[..., -2]
    cosine = b[..., -2] * a[..., -2] + b[..., -1] * a[..., -1]
    slowest = longest if a.shape[-1] > 2 else shortest
    return torch.atan2(sine, cosine) * slowest / (2 * math.pi)
