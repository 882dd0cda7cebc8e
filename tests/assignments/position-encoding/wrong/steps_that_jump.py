"""Distances are rounded to whole ones, so the bias jumps between them."""
# score: 25
# caught by: hidden_bias_between
# cell: scheme
def bias_numbers():
    return torch.zeros(17)


def relative_bias(numbers, places):
    apart = places[None, :] - places[:, None]
    return numbers[apart.round().long().clamp(-8, 8) + 8]
