"""The distance is divided by the length of the text, so each length has other numbers."""
# score: 22
# caught by: hidden_bias_difference
# cell: scheme
def bias_numbers():
    return torch.zeros(33)


def relative_bias(numbers, places):
    apart = (places[None, :] - places[:, None]) / (places.max() - places.min() + 1) * 16 + 16
    below = apart.floor().clamp(max=31).long()
    share = apart - below
    return numbers[below] * (1 - share) + numbers[below + 1] * share
