"""The absolute value of the distance is used, so left and right are the same."""
# score: 21
# caught by: hidden_bias_sides
# cell: scheme
def bias_numbers():
    return torch.zeros(17)


def relative_bias(numbers, places):
    apart = (places[None, :] - places[:, None]).abs().clamp(max=16)
    below = apart.floor().clamp(max=15).long()
    share = apart - below
    return numbers[below] * (1 - share) + numbers[below + 1] * share
