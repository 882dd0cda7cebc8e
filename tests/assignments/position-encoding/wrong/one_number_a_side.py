"""One number for all keys to the left, one for all to the right: no distance at all."""
# score: 21
# caught by: hidden_reader_near
# cell: scheme
def bias_numbers():
    return torch.zeros(2)


def relative_bias(numbers, places):
    apart = places[None, :] - places[:, None]
    return torch.where(apart < 0, numbers[0], numbers[1])
