"""A number for each place of the key, not for the distance."""
# score: 19
# caught by: hidden_bias_difference
# cell: scheme
def bias_numbers():
    return torch.zeros(64)


def relative_bias(numbers, places):
    rows = places.long().clamp(0, 63)
    return numbers[rows].expand(len(places), -1)
