"""A fixed slope, to which the learned numbers contribute nothing."""
# score: 22
# caught by: test_bias
# cell: scheme
def bias_numbers():
    return torch.zeros(1)


def relative_bias(numbers, places):
    apart = places[None, :] - places[:, None]
    return 0.5 * apart + 0 * numbers.detach().sum()
