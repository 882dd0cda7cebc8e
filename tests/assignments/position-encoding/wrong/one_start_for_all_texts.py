"""One start is drawn for the whole batch."""
# score: 25
# caught by: hidden_random_places
# cell: random_places
def random_places(batch, length, size, seed):
    generator = torch.Generator().manual_seed(seed)
    start = torch.randint(0, size - length + 1, (1,), generator=generator)
    return (start + torch.arange(length)).expand(batch, length)
