"""A slope for each side: it knows the side, and cannot single out the third place."""
# score: 23
# caught by: hidden_reader_near
# cell: scheme
def bias_numbers():
    return torch.tensor([0.5, 0.5])


def relative_bias(numbers, places):
    apart = places[None, :] - places[:, None]
    return numbers[0] * apart.clamp(max=0) - numbers[1] * apart.clamp(min=0)
